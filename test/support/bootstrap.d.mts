export class BootstrapError extends Error {}
export function bootstrap(options: { readonly build: boolean }): Promise<void>;
