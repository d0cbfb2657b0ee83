/**
 * Purpose: tells a supervisor by HTTP how a conductor or worker is (P-1701): `GET /livez`: its event loop turns; `GET /readyz`: it can do its work, or
 *   503 and what is in the way.
 * What is authoritative: what the member says of itself at the moment of the question.
 * On failure: an address that cannot be listened on ends the start.
 * Not here: metrics, anything that changes something.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError, readinessOf, type Readiness } from '@baton/core';

export interface ListenOn {
  readonly host: string;
  readonly port: number;
}

export class HealthServer {
  /** Who is asked; set as soon as there is somebody. */
  readiness: () => Readiness = () => readinessOf({ member: 'starts' });
  readonly #server: Server;

  /** Port 0: any free one. @throws InputError `BATON_INPUT_INVALID` when it cannot listen there. */
  static async listen({ host, port }: ListenOn): Promise<HealthServer> {
    const health = new HealthServer();
    await new Promise<void>((resolve, reject) => {
      health.#server.once('error', (cause) =>
        reject(
          new InputError('BATON_INPUT_INVALID', `health.listen: ${host}:${port}: ${cause.message}`, {
            cause,
          }),
        ),
      );
      health.#server.listen(port, host, resolve);
    });
    health.#server.unref();
    return health;
  }

  private constructor() {
    this.#server = createServer({ requestTimeout: 5_000 }, (request, response) => {
      const answer = this.#answer(request.method, request.url);
      const body = JSON.stringify(answer.body);
      response.writeHead(answer.status, { 'content-type': 'application/json', connection: 'close' });
      response.end(request.method === 'HEAD' ? undefined : `${body}\n`);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(
    method: string | undefined,
    url: string | undefined,
  ): { readonly status: number; readonly body: object } {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: { allowed: ['GET', 'HEAD'] } };
    if (url === '/livez') return { status: 200, body: { live: true } };
    if (url !== '/readyz') return { status: 404, body: { paths: ['/livez', '/readyz'] } };
    const readiness = this.readiness();
    return { status: readiness.ready ? 200 : 503, body: readiness };
  }
}
