/** Pages of the API: text that is safe in HTML whatever it says, and no script. */
import { createHash } from 'node:crypto';

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Part[] | undefined;

/** What is put in is text, escaped for elements and quoted attributes alike; only what `markup` has made stays as it is. */
export function markup(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.map((text, index) => text + written(parts[index])).join(''));
}

function written(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(written).join('');
  return String(part).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.4rem }
dt, label { font-weight: 600 }
dd { margin: 0 0 .6rem; white-space: pre-wrap }
label { display: block; margin-top: .8rem }
input, select, textarea { width: 100%; box-sizing: border-box; font: inherit; padding: .4rem }
button { font: inherit; margin-top: 1rem; padding: .4rem 1.2rem }
details { margin-top: 2rem }
`;

/** A page of ours loads nothing, runs nothing, is framed by nobody, and sends its forms to where it came from. */
export const pageHeaders: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
});

export function page(title: string, body: Html): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`.text;
}
