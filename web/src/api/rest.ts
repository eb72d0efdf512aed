// The rest of the server: see docs/api.md.

const TOKEN = "onlooker.token";

export class RestFailed extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

// The address that the server prints carries the token behind '#', where no log sees it.
export function takeTokenFromAddress(): void {
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (!token) return;
  signIn(token);
  window.history.replaceState(null, "", window.location.pathname);
}

export function signedIn(): string {
  return sessionStorage.getItem(TOKEN) ?? "";
}

export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

export async function call(
  method: string,
  path: string,
  body?: unknown,
  more: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const headers: Record<string, string> = { ...more.headers };
  const token = signedIn();
  if (token) headers.Authorization = `Bearer ${token}`;
  const isText = typeof body === "string"; // whoever sends text says what it is
  if (body !== undefined && !isText) headers["Content-Type"] = "application/json";
  const init = {
    method,
    headers,
    body: body === undefined ? null : isText ? body : JSON.stringify(body),
    signal: more.signal ?? null,
  };
  const response = await fetch(path, init);
  if (!response.ok) throw new RestFailed(response.status, await reason(response));
  return response;
}

export async function isWelcome(): Promise<boolean> {
  return call("GET", "v1/whoami").then(
    () => true,
    (error: unknown) => !(error instanceof RestFailed && [401, 403].includes(error.status)),
  );
}

export async function get<T>(path: string): Promise<T> {
  return (await (await call("GET", path)).json()) as T;
}

export async function blobUrl(path: string): Promise<string> {
  return URL.createObjectURL(await (await call("GET", path)).blob());
}

async function reason(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as Record<string, unknown>;
    const error = body.error ?? body.detail;
    if (typeof error === "string") return error;
    const message = (error as { message?: unknown } | undefined)?.message;
    if (typeof message === "string") return message;
  } catch {
    // No JSON: the status must do.
  }
  return `${response.status} ${response.statusText}`.trim();
}
