export { guardDescriptor } from './guard-message.js';
export type { HeadNews } from './head-news.js';
export { GuardLink, type GuardLinkOptions } from './guard-link.js';
export { runGuarded, type RunGuardedOptions } from './run-guarded.js';
