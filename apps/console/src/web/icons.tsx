import type { ReactNode } from 'react';
import type { Icon } from '../view/sentences.js';

const PATHS: Record<Icon, ReactNode> = {
  drift: <path d="M8 1.8 14.2 8 8 14.2 1.8 8Z" />,
  drop: <path d="M2 4l4 4 3-2.5 5 6.5M14 8.4V12h-3.6" />,
  data: (
    <>
      <ellipse cx="8" cy="3.9" rx="5.3" ry="2.1" />
      <path d="M2.7 3.9v8.2c0 1.2 2.4 2.1 5.3 2.1s5.3-.9 5.3-2.1V3.9M2.7 8c0 1.2 2.4 2.1 5.3 2.1s5.3-.9 5.3-2.1" />
    </>
  ),
  train: <path d="M13.7 6.2A6 6 0 0 0 2.9 5M2.3 9.8A6 6 0 0 0 13.1 11M2.6 2v3.2h3.2M13.4 14v-3.2h-3.2" />,
  declined: <path d="M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM5 8h6" />,
  registered: <path d="M3 3.6v4.6l5.8 5.6 4.8-4.8L7.9 3.4 3.2 3.4M5.8 6.2h.01" />,
  refused: <path d="M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4" />,
  shadow: <path d="M2.5 2.5h7.4v7.4H2.5ZM6 12.2v1.3h7.5V6h-1.3" />,
  promoted: <path d="M8 2.6 14 13H2Z" />,
  rolledBack: <path d="M8 13.4 2 3h12Z" />,
  compare: <path d="M8 1.8v12.4M3 5.2h10M3 3.6v3.2M13 3.6v3.2M5.4 10.8h5.2" />,
  serving: <path d="M2 8h9.4M8 4.4 11.6 8 8 11.6M14 3v10" />,
  spec: <path d="M3.6 1.9h5.6l3.2 3.2v9H3.6ZM9 2v3.4h3.2M5.8 8.4h4.4M5.8 11h4.4" />,
  person: <path d="M8 8.2a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8ZM2.6 14c.5-2.6 2.6-4 5.4-4s4.9 1.4 5.4 4" />,
};

const FILLED = new Set<Icon>(['promoted', 'rolledBack']);

export function Glyph({ icon, size = 16 }: { icon: Icon; size?: number }) {
  const filled = FILLED.has(icon);
  return (
    <svg
      className="glyph"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill={filled ? 'currentColor' : 'none'}
      stroke="currentColor"
      strokeWidth={1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {PATHS[icon]}
    </svg>
  );
}

/** The state of a model, by shape as much as by colour. */
export function Seal({ tone, size = 22 }: { tone: 'quiet' | 'info' | 'good' | 'warn' | 'bad'; size?: number }) {
  return (
    <svg
      className={`seal tone-${tone}`}
      width={size}
      height={size}
      viewBox="0 0 22 22"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {tone === 'good' && <path d="M11 2a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM7 11.4l2.8 2.8L15 8.6" />}
      {(tone === 'quiet' || tone === 'info') && (
        <path strokeDasharray="3.1 3.2" d="M11 2a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z" />
      )}
      {tone === 'warn' && <path d="M11 1.6 20.4 11 11 20.4 1.6 11ZM11 6.6v5M11 15h.01" />}
      {tone === 'bad' && <path d="M7.2 2h7.6L20 7.2v7.6L14.8 20H7.2L2 14.8V7.2ZM11 6.2v5.6M11 15.4h.01" />}
    </svg>
  );
}

export function Mark() {
  return (
    <svg
      className="mark"
      width="20"
      height="20"
      viewBox="0 0 32 32"
      fill="none"
      stroke="currentColor"
      strokeWidth={2.8}
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M27 16a11 11 0 1 1-4.2-8.6M22 16a6 6 0 1 1-6-6M22.8 7.4h-5M22.8 7.4v-5" />
      <circle cx="16" cy="16" r="1.5" fill="currentColor" stroke="none" />
    </svg>
  );
}
