import { UnavailableError, type Clock } from '@baton/core';

/** How a client of a simulated service is connected. A simulation of processes gives one that can be killed and held. */
export interface Wire {
  /** What this side takes for time. */
  readonly clock: Clock;
  /** Whether there is anybody on this side. */
  readonly alive: boolean;
  /** Does at once what the client notices without any message; not before it runs again when it is held, and never when it is dead. */
  notice(callback: () => void): void;
  /** Carries something to the service, also when the sender dies meanwhile. `lost`: it will not come, and the client has waited long enough. */
  toService(callback: () => void, lost?: () => void): void;
  /** Carries something to the client; what reaches nobody is dropped. `lost` as above. */
  toClient(callback: () => void, lost?: () => void): void;
}

/** The wire of a client that lives as long as its test. */
export function plainWire(service: {
  readonly runtime: { readonly clock: Clock };
  carry(callback: () => void): void;
}): Wire {
  const carry = (callback: () => void): void => service.carry(callback);
  return {
    clock: service.runtime.clock,
    alive: true,
    notice: (callback) => callback(),
    toService: carry,
    toClient: carry,
  };
}

/** One request: the service does `work`, and its outcome comes back, whichever it is; without an answer it rejects with `silence()`. */
export function request<T>(
  wire: Wire,
  work: () => T | Promise<T>,
  silence: () => Error = disconnected,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(silence());
    const answer = (value: T): void => wire.toClient(() => resolve(value), lost);
    const refuse = (error: unknown): void => wire.toClient(() => reject(error as Error), lost);
    wire.toService(() => {
      try {
        const result = work();
        if (result instanceof Promise) result.then(answer, refuse);
        else answer(result);
      } catch (error) {
        refuse(error);
      }
    }, lost);
  });
}

function disconnected(): Error {
  return new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the service does not answer');
}
