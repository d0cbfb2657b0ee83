/** The OpenAPI 3.1 document, from the routes themselves: what is not a route is not in it. */
import { commonProblems, type ObjectSchema, type Route, type Schema } from './route.js';
import { problem, text } from './schemas.js';

const statusText: Readonly<Record<number, string>> = {
  400: 'Bad input.',
  401: 'No valid token.',
  403: 'The role of the token is too low.',
  404: 'Unknown.',
  409: 'In conflict with what there is.',
  410: 'Nobody waits for it any more.',
  412: 'The run has moved on, or the schedule or environment has been changed.',
  413: 'Too large.',
  415: 'Not JSON.',
  422: 'Not a valid flow.',
  429: 'Asked too often, or the board is full; retry-after tells when to ask again.',
  500: 'A defect.',
  503: 'A service is away, or did not answer in time.',
};

const form: Schema = { type: 'object', description: 'That of the page, by whoever has the link.' };

export function openApiOf(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Baton',
      version,
      description: 'Post jobs, look at them, follow them, give them commands.',
    },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: Object.fromEntries(
        Object.entries(statusText).map(([status, description]) => [
          `Problem${status}`,
          { description, content: { 'application/json': { schema: problem } } },
        ]),
      ),
    },
    security: [{ token: [] }],
  };
}

function operationOf(route: Route): object {
  const { params, query, headers, body, role, summary, takesDelegateToken, page } = route;
  const parameters = [
    ...parametersOf('path', params),
    ...parametersOf('query', query),
    ...parametersOf('header', headers),
  ];
  return {
    summary,
    description: `Role: ${role}${takesDelegateToken ? ', or none with the token of the delegate' : ''}.`,
    ...(takesDelegateToken && { security: [{ token: [] }, {}] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: (body.required ?? []).length > 0,
        content: {
          'application/json': { schema: body },
          ...(page && { 'application/x-www-form-urlencoded': { schema: form } }),
        },
      },
    }),
    responses: responsesOf(route),
  };
}

function parametersOf(place: 'path' | 'query' | 'header', schema: ObjectSchema | undefined): object[] {
  return Object.entries(schema?.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: (schema?.required ?? []).includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

function responsesOf({ answers, problems, page }: Route): object {
  const asPage = page && { 'text/html': { schema: text } };
  const good = Object.entries(answers).map(([status, { about, schema, type = 'application/json' }]) => [
    status,
    {
      description: about,
      ...(schema && { content: { [type]: { schema } satisfies { schema: Schema }, ...asPage } }),
    },
  ]);
  const bad = [...new Set([...commonProblems, ...problems])]
    .sort((a, b) => a - b)
    .map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]);
  return Object.fromEntries([...good, ...bad]) as object;
}
