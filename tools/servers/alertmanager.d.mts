/**
 * An Alertmanager of the caller's own, in a directory that goes with it. It ends with the caller's process.
 * @throws Error where it cannot be had here, saying why
 */
export function startAlertmanager(directory: string): Promise<{ readonly url: string; stop(): Promise<void> }>;
