/** What an event from outside is recognised by; the key tells those of one name apart, and may be empty (C-1113). */
export interface EventName {
  readonly name: string;
  readonly key: string;
}

/** In characters. */
export const eventLimits = { nameMax: 256, keyMax: 512 } as const;

export function isEventName({ name, key }: EventName): boolean {
  return name.length > 0 && name.length <= eventLimits.nameMax && key.length <= eventLimits.keyMax;
}
