import { useSyncExternalStore } from 'react';
import { BAND_COLOURS } from '../view/bands.js';

/** What a canvas needs of the style sheet's colours. */
export interface ChartColours {
  ink: string;
  faint: string;
  line: string;
  surface: string;
  drift: string;
  promoted: string;
  rolledBack: string;
  bands: string[];
  bandTint: number;
  font: string;
}

const dark = window.matchMedia('(prefers-color-scheme: dark)');

/** `light` or `dark`, and again when the system changes its mind. */
export function useScheme(): 'light' | 'dark' {
  return useSyncExternalStore(
    (changed) => {
      dark.addEventListener('change', changed);
      return () => dark.removeEventListener('change', changed);
    },
    () => (dark.matches ? 'dark' : 'light'),
  );
}

export function chartColours(): ChartColours {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: value('--ink'),
    faint: value('--faint'),
    line: value('--line'),
    surface: value('--surface'),
    drift: value('--warn'),
    promoted: value('--good'),
    rolledBack: value('--bad'),
    bands: Array.from({ length: BAND_COLOURS }, (_, i) => value(`--band-${i}`)),
    bandTint: Number(value('--band-tint')),
    font: `11px ${value('--sans')}`,
  };
}
