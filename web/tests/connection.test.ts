import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "../src/api/connection";
import type { Handle } from "../src/api/connection";
import type { ServerMessage } from "../src/api/messages";
import { created, decided } from "./recorded";

class FakeSocket {
  readyState = 1;
  bufferedAmount = 0;
  sent: string[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }

  tell(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  lose(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }
}

function connected(resume: Handle | null = null, isWelcome = true) {
  const sockets: FakeSocket[] = [];
  const heard: ServerMessage[] = [];
  const states: string[] = [];
  const connection = new Connection({
    token: "secret",
    resume,
    base: "ws://here/v1/realtime",
    onMessage: (message) => heard.push(message),
    onState: (state) => states.push(state),
    onHandle: () => undefined,
    isWelcome: () => Promise.resolve(isWelcome),
    open: (url, protocols) => {
      const socket = new FakeSocket(url, protocols);
      sockets.push(socket);
      return socket;
    },
  });
  return { connection, sockets, heard, states };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", {
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    setTimeout,
    clearTimeout,
  });
  vi.stubGlobal("WebSocket", { OPEN: 1 });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("the token goes into a subprotocol, never into the address", () => {
  const { sockets } = connected();
  expect(sockets[0]?.protocols).toContain("openai-insecure-api-key.secret");
  expect(sockets[0]?.url).not.toContain("secret");
});

test("a lost connection is taken up behind the last event, and nothing is told twice", () => {
  const { sockets, heard, states } = connected();
  sockets[0]?.tell(created());
  sockets[0]?.tell(decided(0, null, 7));
  sockets[0]?.lose();
  vi.advanceTimersByTime(500);
  expect(sockets[1]?.url).toContain("session=s1&after=7");
  expect(sockets[1]?.protocols).toContain("onlooker-resume.r1");
  sockets[1]?.tell(created({ resumed: true }));
  sockets[1]?.tell(decided(0, null, 7));
  sockets[1]?.tell(decided(1, null, 8));
  expect(heard.filter((one) => one.type === "onlooker.decided").map((one) => one.seq)).toEqual([7, 8]);
  expect(states).toEqual(["connecting", "open", "lost", "lost", "open"]);
});

test("words wait for the connection, pictures do not", () => {
  const { connection, sockets } = connected();
  expect(connection.sendNow({ type: "response.create" })).toBe(false);
  connection.send({ type: "response.cancel" });
  sockets[0]?.tell(created());
  expect(sockets[0]?.sent).toEqual(['{"type":"response.cancel"}']);
});

test("a picture is not sent behind others that have not gone yet", () => {
  const { connection, sockets } = connected();
  sockets[0]?.tell(created());
  if (sockets[0]) sockets[0].bufferedAmount = 2_000_000;
  expect(connection.sendNow({ type: "response.create" })).toBe(false);
});

test("waits grow between tries, to five seconds", () => {
  const { sockets } = connected();
  for (const waitMs of [400, 800, 1600, 3200, 5000, 5000]) {
    const before = sockets.length;
    sockets.at(-1)?.lose();
    vi.advanceTimersByTime(waitMs - 1);
    expect(sockets).toHaveLength(before);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(before + 1);
  }
});

test("a session that is gone is not asked for again", () => {
  const { sockets, states } = connected();
  sockets[0]?.tell(created());
  sockets[0]?.lose(4404);
  vi.advanceTimersByTime(60_000);
  expect(sockets).toHaveLength(1);
  expect(states.at(-1)).toBe("ended");
});

test("who is not welcome is told so, and is not tried again", async () => {
  const { sockets, states } = connected(null, false);
  sockets[0]?.lose();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets).toHaveLength(1);
  expect(states.at(-1)).toBe("refused");
});

test("closing ends the session and stays closed", () => {
  const { connection, sockets, states } = connected();
  sockets[0]?.tell(created());
  connection.close();
  sockets[0]?.lose(1000);
  vi.advanceTimersByTime(60_000);
  expect(sockets[0]?.sent).toEqual(['{"type":"onlooker.session.close"}']);
  expect(sockets).toHaveLength(1);
  expect(states.at(-1)).toBe("ended");
});
