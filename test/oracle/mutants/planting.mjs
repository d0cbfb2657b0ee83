/**
 * Plants the fault that BATON_FAULT holds: a mutant as JSON, none when it is not set. In memory only, as the transformer of jest (jest.config.mjs) or
 * by the hook of planted-process.mjs.
 */
import { pathToFileURL } from 'node:url';
import swc from '@swc/jest';

export const fault = JSON.parse(process.env.BATON_FAULT ?? 'null');
/** The URL of its file. */
export const faulty = fault && new URL(`../../../packages/${fault.file}`, import.meta.url).href;

/** The text with the fault in it. @throws Error when what is to be replaced is not there exactly once. */
export function planted(text, { id, file, find, replace }) {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${id}: ${file} has its text ${parts.length - 1} times, not once`);
  return parts.join(replace);
}

/** Transformer of jest. Its cache goes by the text, so that it knows the faulty file from the sound one. */
export default {
  createTransformer(options) {
    const sound = swc.createTransformer(options);
    const method =
      (name) =>
      (text, path, ...rest) =>
        sound[name](pathToFileURL(path).href === faulty ? planted(text, fault) : text, path, ...rest);
    return {
      process: method('process'),
      processAsync: method('processAsync'),
      getCacheKey: method('getCacheKey'),
    };
  },
};
