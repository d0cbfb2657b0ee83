/**
 * Delegates in a browser (C-1105): a form for whoever follows a link. The name of each field says what its text becomes, so that a form can be sent again
 * after the delegate has been answered, and nobody has to look up what was expected then.
 */
import { InputError } from '@baton/core';
import type { answerSchema, DelegateReport } from '@baton/client';
import { type Html, markup, page } from './html.js';
import type { Problem } from './problem.js';

/** As the API tells it: the answer by its JSON Schema. */
export interface DescribedDelegate extends Omit<DelegateReport, 'expects'> {
  readonly expects?: ReturnType<typeof answerSchema>;
}

type Input = (at: { readonly id: string; readonly name: string }) => Html;

/** By the type of what is expected; `json` is for anything else. */
const inputs: Readonly<Record<string, Input>> = {
  string: ({ id, name }) => markup`<input id="${id}" name="${name}" required>`,
  number: ({ id, name }) => markup`<input id="${id}" name="${name}" type="number" step="any" required>`,
  integer: ({ id, name }) => markup`<input id="${id}" name="${name}" type="number" required>`,
  // nothing is chosen beforehand: who sends a form without looking has not agreed to anything
  boolean: ({ id, name }) =>
    markup`<select id="${id}" name="${name}" required><option></option><option value="true">yes</option><option value="false">no</option></select>`,
  json: ({ id, name }) => markup`<textarea id="${id}" name="${name}" rows="4" required></textarea>`,
};

/** What is asked, and a form for each way to answer. */
export function delegatePage(report: DescribedDelegate, token: string): string {
  const { jobId, name, atom, attempt, delegate, args, dueAtMs } = report;
  const facts = [
    ['Job', `${name} (${jobId})`],
    ['Atom', attempt > 1 ? `${atom}, attempt ${attempt}` : atom],
    ...(dueAtMs === undefined ? [] : [['Waits until', timeOf(dueAtMs)]]),
    ...Object.entries(args).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value, undefined, 2),
    ]),
  ];
  const body = markup`<dl>
${facts.map(([title, text]) => markup`<dt>${title}</dt><dd>${text}</dd>\n`)}</dl>
<form method="post" action="${token}/complete">
${fieldsOf(report)}<label for="reason">Comment (may be empty)</label><input id="reason" name="reason" maxlength="1024">
<button>Answer</button>
</form>
<details><summary>It cannot be answered</summary>
<form method="post" action="${token}/fail">
<label for="message">Why</label><input id="message" name="message" maxlength="4096" required>
<button>Let it fail</button>
</form>
</details>`;
  return page(delegate || atom, body);
}

export function answeredPage(): string {
  return page('Your answer is stored', markup`<p>The job goes on by itself. This page can be closed.</p>`);
}

/** @param back to the form, relative; absent: there is none */
export function problemPage({ status, body: { error } }: Problem, back?: string): string {
  const again = 'Go back in your browser, which keeps what was entered, or';
  const next = back === undefined ? '' : markup`<p>${again} <a href="${back}">begin again</a>.</p>\n`;
  const body = markup`<p>${error.message}</p>\n${next}<p>${error.code}</p>`;
  return page(titles[status] ?? 'This did not work', body);
}

const titles: Readonly<Record<number, string>> = {
  400: 'The answer was not taken',
  404: 'Nothing waits under this link',
  409: 'Another answer has been given',
  410: 'Nobody waits for an answer any more',
  413: 'The answer is too large',
  429: 'Too many requests',
  503: 'This cannot be answered right now',
};

function fieldsOf({ expects }: DescribedDelegate): readonly Html[] {
  if (!expects) return [field('answer', { kind: 'json', id: 'f', label: 'Answer' })];
  return Object.entries(expects.properties ?? {}).map(([label, { type }], index) => {
    const kind = typeof type === 'string' && Object.hasOwn(inputs, type) ? type : 'json';
    return field(`${kind}:${label}`, { kind, id: `f${index}`, label });
  });
}

function field(
  name: string,
  { kind, id, label }: { readonly kind: string; readonly id: string; readonly label: string },
): Html {
  const hint = kind === 'json' ? ' (JSON)' : '';
  return markup`<label for="${id}">${label}${hint}</label>${inputs[kind]?.({ id, name })}\n`;
}

/**
 * What a form of ours says, as JSON would.
 * @throws InputError `BATON_INPUT_INVALID` for what is no field of such a form, and for a text that is not what its field takes
 */
export function answerOfForm(text: string): object {
  const fields: [string, unknown][] = [];
  const answer: Record<string, unknown> = {};
  for (const [name, given] of new URLSearchParams(text)) {
    const [, kind, of = ''] = /^(string|number|integer|boolean|json):([^]*)$/.exec(name) ?? [];
    if (kind !== undefined) fields.push([of, valueOf(given, { kind, of })]);
    else if (name === 'answer') answer['value'] = jsonOf(given, 'the answer');
    else if (name !== 'reason' && name !== 'message')
      throw invalid(`the form has no field ${JSON.stringify(name.slice(0, 100))}`);
    else if (given !== '') answer[name] = given;
  }
  return fields.length > 0 ? { ...answer, value: Object.fromEntries(fields) } : answer;
}

function valueOf(given: string, { kind, of }: { readonly kind: string; readonly of: string }): unknown {
  if (kind === 'string') return given;
  if (kind === 'json') return jsonOf(given, of);
  if (kind === 'boolean' && (given === 'true' || given === 'false')) return given === 'true';
  const number = Number(given);
  const isExact = kind === 'number' ? Number.isFinite(number) : Number.isSafeInteger(number);
  if (kind !== 'boolean' && given.trim() !== '' && isExact) return number;
  throw invalid(`${of} must be ${kind === 'integer' ? 'an integer' : `a ${kind}`}`);
}

function jsonOf(given: string, what: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    throw invalid(`${what} is not JSON; a text stands in quotes: "yes"`);
  }
}

function timeOf(ms: number): string {
  // eslint-disable-next-line no-restricted-globals -- asks no clock
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function invalid(message: string): InputError {
  return new InputError('BATON_INPUT_INVALID', message);
}
