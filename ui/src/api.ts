// The native API (/api/v1): what it answers is in api_types.ts, in pipeline_types.ts for what runs, and in serving_types.ts for what is served.

export * from './api_types';
export * from './pipeline_types';
export * from './serving_types';

/** What the server said went wrong, with its hint. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

const TOKEN = 'mlwright.token';

export function token(): string | null {
  return sessionStorage.getItem(TOKEN);
}

export function setToken(value: string | null): void {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
}

/** What is kept for a name and a password, in place of a token. */
export function basic(name: string, password: string): string {
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${name}:${password}`)))}`;
}

export function headers(): Record<string, string> {
  const value = token();
  if (!value) return {};
  return { authorization: value.startsWith('Basic ') ? value : `Bearer ${value}` };
}

/** Path below /api/v1, parameters already encoded. Errors: `ApiError`, also when the server is unreachable (status 0). */
export async function call<T>(path: string, init: { method?: string; body?: unknown; signal?: AbortSignal } = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method: init.method ?? 'GET',
      headers: { ...headers(), ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: init.body === undefined ? undefined : JSON.stringify(init.body),
      signal: init.signal,
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, 'unreachable', `the server at ${location.host} does not answer`, 'is `mlwright serve` still running?');
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = text === '' ? null : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (!response.ok) {
    const error = (body as { error?: { code?: string; message?: string; hint?: string } } | null | undefined)?.error;
    throw new ApiError(response.status, error?.code ?? `http_${response.status}`, error?.message ?? `${response.status} ${response.statusText}`, error?.hint);
  }
  if (body === undefined) throw new ApiError(response.status, 'not_json', `/api/v1${path} answered with something other than JSON`, 'server and app may be of different versions: rebuild with `cargo xtask ui`');
  return body as T;
}

/** Builds a query string; empty and undefined values are left out. */
export function query(values: Record<string, string | number | undefined | null>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}
