/**
 * Purpose: the HTTP API of a cluster: routes over a client, access, limits, problem documents, streams.
 * States: made → listening → draining (no new connection; streams end; what was asked is answered) → closed.
 * What is authoritative: the client's services. An answer to a command means that it is stored; no request waits for a turn of a flow.
 * On failure: a problem document; what is not a known error is logged under the id of the request, and not told.
 * Not here: settings, signals, the choice of services (the command line's).
 */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { InputError, NotFoundError } from '@baton/core';
import type { Runtime } from '@baton/core';
import type { Client } from '@baton/client';
import { DelegateTokens } from '@baton/client/delegate-tokens';
import { BoardFeed } from './board-feed.js';
import { commandRoutes } from './command-routes.js';
import { answerOfForm, problemPage } from './delegate-page.js';
import { delegateRoutes } from './delegate-routes.js';
import { environmentRoutes } from './environment-routes.js';
import { eventRoutes } from './event-routes.js';
import { writeStream } from './event-stream.js';
import { checkExposure, checkSameMachine } from './exposure.js';
import { pageHeaders } from './html.js';
import { jobRoutes } from './job-routes.js';
import { OpenStreams } from './open-streams.js';
import { openApiOf } from './openapi.js';
import { isDefect, problemOf } from './problem.js';
import type { Asked, ObjectSchema, Reply, Route } from './route.js';
import { answerHeaders, limits, serverOptions, type TlsOptions } from './server-options.js';
import { streamRoutes } from './stream-routes.js';
import { reportRoutes } from './report-routes.js';
import { scheduleRoutes } from './schedule-routes.js';
import { taskRoutes } from './task-routes.js';
import { Throttle } from './throttle.js';
import { Tokens, atLeast, type Principal } from './tokens.js';

export interface ApiOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  /** Lines of `http.tokens`; without one, only this machine may ask, and may do everything. */
  readonly tokens?: string;
  /** Lines of `delegate.keys`; without one, links to delegates are known by nobody. */
  readonly delegateKeys?: string | undefined;
  /** How long from now the answer of a delegate may be waited for, when it is asked to wait longer. Default 30 days. */
  readonly delegateWaitMaxMs?: number;
  /** Requests a second of one principal; 0: no bound. Default 500. */
  readonly rate?: number;
  readonly tls?: TlsOptions | undefined;
  /** Version of Baton, for the OpenAPI document. */
  readonly version: string;
  /** In milliseconds; the defaults are in `limits`. For tests. */
  readonly receiveTimeoutMs?: number;
}

const formType = 'application/x-www-form-urlencoded';

/** Who asks where there are no tokens. */
const local: Principal = { name: 'local', role: 'operator', untilMs: Infinity };

export class ApiServer {
  readonly app: FastifyInstance;
  readonly routes: readonly Route[];
  readonly #options: ApiOptions;
  readonly #tokens: Tokens;
  readonly #delegateTokens: DelegateTokens;
  readonly #throttle: Throttle;
  readonly #stop = new AbortController();
  readonly #feed: BoardFeed;
  /** Of requests that are being answered. */
  readonly #open = new Set<AbortController>();
  readonly #principals = new WeakMap<FastifyRequest, Principal>();
  readonly #openJobs: Asked['openJobs'];
  readonly #streams: OpenStreams;

  /** @throws InputError `BATON_INPUT_INVALID` for tokens, and a certificate with its key, that are none */
  constructor(options: ApiOptions) {
    const { runtime, client, rate = limits.rate } = options;
    this.#options = options;
    this.#tokens = new Tokens(options.tokens ?? '');
    if (options.tokens !== undefined && this.#tokens.count === 0)
      throw new InputError(
        'BATON_INPUT_INVALID',
        'tokens are given, and there is none among them: everybody would be let in',
      );
    this.#delegateTokens = new DelegateTokens(options.delegateKeys ?? '');
    this.#openJobs = shared(() => client.jobs());
    this.#throttle = new Throttle(runtime.clock, rate);
    this.#streams = new OpenStreams(runtime.clock);
    this.#feed = new BoardFeed({ client, runtime, signal: this.#stop.signal });
    const listed = [
      ...[...jobRoutes, ...reportRoutes, ...taskRoutes, ...commandRoutes, ...delegateRoutes],
      ...[...eventRoutes, ...scheduleRoutes, ...environmentRoutes, ...streamRoutes],
    ];
    this.routes = [...listed, openApiRoute(listed, options.version)];
    this.app = newServer(options);
    this.#addHooks();
    this.#addPages();
    for (const route of this.routes) if (!route.page) this.#add(this.app, route);
  }

  /**
   * Port 0: any free one. Gives where it listens.
   * @throws InputError `BATON_INPUT_EXPOSED`; `BATON_INPUT_INVALID` when it cannot listen there
   */
  async listen(on: {
    readonly host: string;
    readonly port: number;
    readonly insecure?: boolean;
  }): Promise<string> {
    const { host, port, insecure = false } = on;
    const hasTls = this.#options.tls !== undefined;
    checkExposure({ host, hasTls, insecure, hasTokens: this.#tokens.count > 0 });
    this.app.server.maxConnections = limits.connectionsMax;
    try {
      return await this.app.listen({ host, port });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new InputError('BATON_INPUT_INVALID', `http.listen: ${host}:${port}: ${reason}`, { cause });
    }
  }

  /** Answers what was asked, ends streams, then closes; after `withinMs` what is still open is cut off. Idempotent. */
  async close({ withinMs }: { readonly withinMs: number }): Promise<void> {
    this.#stop.abort();
    for (const each of this.#open) each.abort();
    const cancel = this.#options.runtime.clock.setTimer(withinMs, () =>
      this.app.server.closeAllConnections(),
    );
    await this.app.close();
    cancel();
  }

  #addHooks(): void {
    const { app } = this;
    app.removeContentTypeParser('text/plain');
    const parse = app.getDefaultJsonParser('error', 'error');
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) =>
      body === '' ? done(null, {}) : parse(request, body as string, done),
    );
    app.addHook('onRequest', async (request, reply) => {
      void reply.headers(answerHeaders);
      this.#admit(request);
    });
    app.addHook('onSend', async (_, reply) => {
      if (this.#stop.signal.aborted) void reply.header('connection', 'close');
    });
    app.addHook('onResponse', async (request, reply) => {
      const { method, routeOptions, params } = request;
      const principal = this.#principals.get(request);
      // the token of a delegate is in its path, and no log may have it
      const named = principal?.delegate ?? (takesDelegateToken(request) ? undefined : params);
      const about = { method, route: routeOptions.url, params: named, status: reply.statusCode };
      const by = principal?.name;
      const { logger } = this.#options.runtime;
      if (method === 'GET') logger.debug('api.answered', { ...about, by });
      else logger.info('api.answered', { ...about, by });
    });
    app.setErrorHandler((error, request, reply) => this.#refuse(error, request, reply));
    app.setNotFoundHandler((request, reply) =>
      this.#refuse(
        new NotFoundError('BATON_NOT_FOUND_ROUTE', `there is no ${request.method} here`),
        request,
        reply,
      ),
    );
  }

  /** Routes that answer browsers, which send forms; no other route takes one, from whatever page it comes. */
  #addPages(): void {
    void this.app.register(async (scope) => {
      scope.addContentTypeParser(
        formType,
        { parseAs: 'string' },
        async (request: FastifyRequest, body: string | Buffer) => {
          if (wantsPage(request)) return answerOfForm(String(body));
          // what programs send as a form, curl for one, was meant as something else
          throw Object.assign(new Error('send application/json'), { statusCode: 415 });
        },
      );
      for (const route of this.routes) if (route.page) this.#add(scope, route);
    });
  }

  /** @throws InputError, NotFoundError, UnavailableError */
  #admit(request: FastifyRequest): void {
    const isLink = takesDelegateToken(request);
    const { host, origin } = request.headers;
    // a page that tells nobody its address has none to give as origin either; and who has the token may answer from anywhere
    if (this.#tokens.count === 0) checkSameMachine(isLink ? { host } : { host, origin });
    const principal = isLink ? this.#answerer(request) : this.#holder(request);
    if (principal === undefined)
      throw new InputError('BATON_INPUT_UNAUTHENTICATED', 'no valid token was sent');
    this.#principals.set(request, principal);
    this.#throttle.take(principal.delegate ?? principal.name);
  }

  #holder({ headers }: FastifyRequest): Principal | undefined {
    if (this.#tokens.count === 0) return local;
    return this.#tokens.holder(headers.authorization, this.#options.runtime.clock.wallMs());
  }

  /** Who has the token of a delegate. */
  #answerer({ params }: FastifyRequest): Principal {
    const { delegate: token = '' } = params as { readonly delegate?: string };
    const delegate = this.#delegateTokens.requestOf(token);
    if (delegate !== undefined) return { name: 'link', role: 'viewer', untilMs: Infinity, delegate };
    // one bucket for all who guess
    this.#throttle.take('links that are none');
    throw new NotFoundError('BATON_NOT_FOUND_DELEGATE', 'nothing waits for an answer under this link');
  }

  #refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const problem = problemOf(error, request.id);
    if (isDefect(problem))
      this.#options.runtime.logger.error('api.failed', {
        ...{ requestId: request.id, route: request.routeOptions.url, error },
      });
    const answer = reply.code(problem.status).headers(problem.headers);
    if (!wantsPage(request)) return answer.send(problem.body);
    const isForm = request.method === 'POST' && problem.status === 400;
    const back = isForm ? `../${(request.params as Asked['params'])['delegate'] ?? ''}` : undefined;
    return answer.headers(pageHeaders).send(problemPage(problem, back));
  }

  #add(app: FastifyInstance, route: Route): void {
    const { method, path: url, role, params, query, headers: inHeader, body } = route;
    app.route({
      ...{ method, url, exposeHeadRoute: false, config: { takesDelegateToken: route.takesDelegateToken } },
      schema: {
        ...(params && { params }),
        ...(query && { querystring: query }),
        ...(inHeader && { headers: inHeader }),
        ...(body && { body }),
      },
      // a token of too low a role learns nothing about its input
      onRequest: async (request) => {
        const principal = this.#principalOf(request);
        if (principal.delegate === undefined && !atLeast(principal, role))
          throw new InputError(
            'BATON_INPUT_FORBIDDEN',
            `this takes the role ${role}, ${principal.name} is ${principal.role}`,
          );
      },
      preValidation: async (request) => {
        if (query !== undefined) request.query = withNumbers(query, request.query as Texts);
        if (body !== undefined) request.body ??= {};
      },
      handler: (request, reply) => this.#answer(route, request, reply),
    });
  }

  async #answer(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const gone = new AbortController();
    if (this.#stop.signal.aborted) gone.abort();
    // not AbortSignal.any: the signal of the server would remember each request
    this.#open.add(gone);
    reply.raw.once('close', () => {
      this.#open.delete(gone);
      gone.abort();
    });
    const { client, runtime } = this.#options;
    const answer = await route.handle({
      ...{
        client,
        runtime,
        feed: this.#feed,
        openJobs: this.#openJobs,
        delegateWaitMaxMs: this.#options.delegateWaitMaxMs ?? limits.delegateWaitMaxMs,
        principal: this.#principalOf(request),
      },
      params: request.params as Asked['params'],
      query: (request.query ?? {}) as Asked['query'],
      headers: request.headers as Asked['headers'],
      body: (request.body ?? {}) as Asked['body'],
      signal: gone.signal,
    });
    if ('stream' in answer) return this.#stream(answer.stream, request, reply, gone);
    const { status, headers = {}, body = {} } = answer;
    void reply.code(status).headers(headers);
    if (!route.page || !wantsPage(request)) return reply.send(answer.body);
    const { delegate = '' } = request.params as Asked['params'];
    return reply.headers(pageHeaders).send(route.page(body, delegate));
  }

  #stream(
    events: Extract<Reply, { stream: unknown }>['stream'],
    request: FastifyRequest,
    reply: FastifyReply,
    gone: AbortController,
  ): FastifyReply {
    const abort = (): void => gone.abort();
    const free = this.#streams.open(this.#principalOf(request), abort);
    reply.hijack();
    const { clock } = this.#options.runtime;
    const failed = (error: unknown): object | undefined => {
      if (gone.signal.aborted) return undefined;
      this.#options.runtime.logger.warn('api.stream.failed', { requestId: request.id, error });
      return problemOf(error, request.id).body;
    };
    void writeStream({ raw: reply.raw, headers: answerHeaders, events, clock, abort, failed }).finally(free);
    return reply;
  }

  #principalOf(request: FastifyRequest): Principal {
    const principal = this.#principals.get(request);
    if (principal === undefined)
      throw new InputError('BATON_INPUT_UNAUTHENTICATED', 'no valid token was sent');
    return principal;
  }
}

function newServer(options: ApiOptions): FastifyInstance {
  try {
    return fastify(serverOptions(options)) as unknown as FastifyInstance;
  } catch (cause) {
    if (options.tls === undefined) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError('BATON_INPUT_INVALID', `http.tls_cert and http.tls_key cannot be used: ${reason}`, {
      cause,
    });
  }
}

function openApiRoute(listed: readonly Route[], version: string): Route {
  const route: Route = {
    ...{ method: 'GET', path: '/v1/openapi.json', role: 'viewer', problems: [] },
    summary: 'This document.',
    answers: { 200: { about: 'OpenAPI 3.1.', schema: { type: 'object' } } },
    handle: () => Promise.resolve({ status: 200, body: document }),
  };
  const document = openApiOf([...listed, route], version);
  return route;
}

/** Who asks while the answer is on its way gets the same. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => (asking ??= ask().finally(() => (asking = undefined)));
}

/** By id it is asked for as anything else is. */
function takesDelegateToken({ routeOptions, params }: FastifyRequest): boolean {
  const config = routeOptions.config as Pick<Route, 'takesDelegateToken'>;
  if (config.takesDelegateToken !== true) return false;
  return (params as { readonly delegate?: string }).delegate?.includes('/') !== true;
}

/** Who follows a link with a browser; whoever names a delegate by its id is a program. */
function wantsPage(request: FastifyRequest): boolean {
  return takesDelegateToken(request) && /\btext\/html\b/.test(request.headers.accept ?? '');
}

type Texts = Readonly<Record<string, unknown>>;

/** A query is text; the schema wants numbers where it says so, and takes nothing else for one. */
function withNumbers({ properties }: ObjectSchema, query: Texts): Texts {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const isNumber = properties[name]?.['type'] === 'integer' && /^\d{1,15}$/.test(String(value));
      return [name, isNumber ? Number(value) : value];
    }),
  );
}
