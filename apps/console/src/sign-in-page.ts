import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; --ground: #f4f6f7; --card: #fff; --ink: #16202a; --soft: #5b6873; --line: #d4dbe0; --accent: #0b6e99; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #0e1215; --card: #171d22; --ink: #e8edf0; --soft: #98a5af; --line: #2c353c; --accent: #4fb3dd; --wrong: #ff8a80; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; width: min(26rem, 92vw); padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
h1 { margin: 0 0 .25rem; font-size: 1.4rem; }
p { margin: 0 0 1.25rem; color: var(--soft); }
p[role=alert] { color: var(--wrong); }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .6rem .7rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 8px; }
button { margin-top: 1rem; width: 100%; padding: .65rem; font: inherit; font-weight: 600; color: var(--card); background: var(--accent); border: 0; border-radius: 8px; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;

/** The policy under which the page is shown: no script at all, its one style, and a form that goes nowhere else. */
export const SIGN_IN_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The page that asks for a token. It works without script.
 * @param to where to go then, a path of this server
 * @param problem what was wrong with the token before; null at first
 */
export function signInPage(to: string, problem: string | null): string {
  return `${head('Sign in')}<style>${STYLE}</style></head><body><main>
<h1>Gyre</h1>
<p>Sign in with a token that you were given.</p>
${problem === null ? '' : `<p role="alert">${escaped(problem)}</p>`}
<form method="post" action="/v1/session">
<input type="hidden" name="to" value="${escaped(to)}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" spellcheck="false" required autofocus>
<button>Sign in</button>
</form></main></body></html>
`;
}

/** A page that goes on by itself: from here on the navigation is this server's own, and the browser sends the session. */
export function bouncePage(to: string): string {
  return `${head('Gyre')}<meta http-equiv="refresh" content="0; url=${escaped(to)}"></head><body><a href="${escaped(to)}">Go on</a></body></html>
`;
}

function head(title: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
