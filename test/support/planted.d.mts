export interface Planting {
  readonly id: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export function planted(text: string, planting: Planting): string;
