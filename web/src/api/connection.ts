// One session over one WebSocket at a time: comes back by itself, and misses nothing.
import type { Socket } from "./call";
import type { ClientMessage, ServerMessage, SessionInfo } from "./messages";

export type ConnectionState = "connecting" | "open" | "lost" | "ended" | "refused";

export interface Handle {
  id: string;
  token: string; // of resuming, not of the person
  seq: number;
}

interface Options {
  token: string; // of the person; empty where none is needed
  resume: Handle | null;
  onMessage: (message: ServerMessage) => void;
  onState: (state: ConnectionState, why: string) => void;
  onHandle: (handle: Handle) => void;
  isWelcome: () => Promise<boolean>; // a browser does not say why a socket was not opened
  open: (url: string, protocols: string[]) => Socket;
  base?: string;
}

// Closed with these, a session is not there any more: a new one must be opened.
const GONE = [4404, 4408];
const REFUSED = [1008, 4401, 4403];
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 5000;
const MAX_UNSENT_BYTES = 1_000_000;

export class Connection {
  private socket: Socket | null = null;
  private handle: Handle | null;
  private waitMs = FIRST_WAIT_MS;
  private timer = 0;
  private isOver = false;
  private wasOpen = false;
  private waiting: ClientMessage[] = [];

  constructor(private readonly options: Options) {
    this.handle = options.resume;
    this.connect();
    window.addEventListener("online", this.hurry);
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  // Words and wishes wait for the connection; they are never lost with it.
  send(message: ClientMessage): void {
    if (this.isOpen && this.wasOpen) this.socket?.send(JSON.stringify(message));
    else this.waiting.push(message);
  }

  // Pictures and sound are of now: what cannot go now is not sent. Says whether it went.
  sendNow(message: ClientMessage): boolean {
    const socket = this.socket;
    if (!socket || !this.wasOpen || !this.isOpen) return false;
    if (socket.bufferedAmount > MAX_UNSENT_BYTES) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  // Takes the session up over a new connection, such as one that carries another camera.
  again(): void {
    const before = this.socket;
    if (this.isOver || !before || !this.wasOpen) return;
    window.clearTimeout(this.timer);
    this.connect();
    before.close(1000);
  }

  close(): void {
    this.isOver = true;
    window.removeEventListener("online", this.hurry);
    window.clearTimeout(this.timer);
    if (this.isOpen) this.socket?.send('{"type":"onlooker.session.close"}');
    this.socket?.close(1000);
    this.options.onState("ended", "");
  }

  private readonly hurry = (): void => {
    if (this.isOver || this.socket) return;
    window.clearTimeout(this.timer);
    this.connect();
  };

  private connect(): void {
    const { token } = this.options;
    const protocols = ["realtime"];
    if (token) protocols.push(`openai-insecure-api-key.${token}`);
    const query = new URLSearchParams({ events: "all" });
    if (this.handle) {
      protocols.push(`onlooker-resume.${this.handle.token}`);
      query.set("session", this.handle.id);
      query.set("after", String(this.handle.seq));
    }
    this.wasOpen = false;
    this.options.onState(this.handle ? "lost" : "connecting", "");
    const url = `${this.options.base ?? realtimeUrl()}?${query}`;
    const socket = this.options.open(url, protocols);
    this.socket = socket;
    socket.onmessage = (event) => {
      if (this.socket === socket) this.take(JSON.parse(String(event.data)) as ServerMessage);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.ended(event.code, event.reason);
    };
  }

  private take(message: ServerMessage): void {
    if (message.type === "session.created") this.greeted(message.session);
    if (message.seq !== undefined && this.handle) {
      if (message.seq <= this.handle.seq) return; // came before the connection was lost
      this.handle = { ...this.handle, seq: message.seq };
      this.options.onHandle(this.handle);
    }
    this.options.onMessage(message);
    if (message.type === "onlooker.closed") this.finish("ended", message.reason);
  }

  private greeted(session: SessionInfo): void {
    const { resume, resumed } = session.onlooker;
    const seq = resumed && this.handle ? this.handle.seq : -1;
    this.handle = { id: session.id, token: resume.token, seq };
    this.options.onHandle(this.handle);
    this.wasOpen = true;
    this.waitMs = FIRST_WAIT_MS;
    this.options.onState("open", "");
    const unsent = this.waiting;
    this.waiting = [];
    for (const message of unsent) this.send(message);
  }

  private ended(code: number, why: string): void {
    this.socket = null;
    if (this.isOver) return;
    if (REFUSED.includes(code)) return this.finish("refused", why);
    if (GONE.includes(code)) {
      if (this.handle) return this.finish("ended", why);
    }
    this.options.onState(this.handle ? "lost" : "connecting", why);
    this.timer = window.setTimeout(() => this.connect(), this.waitMs);
    this.waitMs = Math.min(LONGEST_WAIT_MS, this.waitMs * 2);
    if (!this.wasOpen) void this.askWhether();
  }

  private async askWhether(): Promise<void> {
    const isWelcome = await this.options.isWelcome().catch(() => true);
    if (isWelcome || this.isOver || this.wasOpen) return;
    window.clearTimeout(this.timer);
    this.finish("refused", "");
  }

  private finish(state: ConnectionState, why: string): void {
    this.isOver = true;
    window.removeEventListener("online", this.hurry);
    this.socket?.close(1000);
    this.options.onState(state, why);
  }
}

function realtimeUrl(): string {
  const url = new URL("v1/realtime", window.location.href.split("#")[0]);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  return url.href;
}
