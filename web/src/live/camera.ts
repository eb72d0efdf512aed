// A stream that this browser shows to the session: a webcam, the screen, or a file.
import { picture } from "../api/messages";
import type { ClientMessage } from "../api/messages";
import { Lead, nextPictureMs } from "./pace";

export type CameraKind = "webcam" | "screen" | "file";

export interface PaceOf {
  zeroMs: number | null;
  periodMs: number;
}

export type CameraTrouble = "denied" | "missing" | "busy" | "insecure" | "unreadable" | "other";

export class CameraFailed extends Error {
  constructor(
    readonly trouble: CameraTrouble,
    detail: string,
  ) {
    super(detail);
  }
}

const LONGEST_SIDE_PX = 640;
const QUALITY = 0.8;

export class Camera {
  readonly video = document.createElement("video");
  private readonly canvas = document.createElement("canvas");
  private readonly lead = new Lead();
  private readonly timer = new Worker("./timer.js");
  private awake: Promise<WakeLockSentinel> | null = null; // a phone's screen stays on
  private captured: MediaStream | null = null; // of a file
  private numRings = 0;
  private isStopped = false;
  isPaused = false;
  isCarried = false; // as video of a call: then it sends no pictures

  private constructor(
    readonly name: string,
    readonly kind: CameraKind,
    private readonly send: (message: ClientMessage) => boolean,
    private readonly paceOf: () => PaceOf,
    private readonly onEnd: (camera: Camera) => void,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
    this.timer.onmessage = (event) => {
      if (event.data === this.numRings) void this.take();
    };
  }

  static async open(
    name: string,
    what: { kind: CameraKind; file?: File; deviceId?: string },
    send: (message: ClientMessage) => boolean,
    paceOf: () => PaceOf,
    onEnd: (camera: Camera) => void,
  ): Promise<Camera> {
    const camera = new Camera(name, what.kind, send, paceOf, onEnd);
    try {
      if (what.file) await camera.play(what.file);
      else camera.show(await asked(what.kind, what.deviceId));
      await camera.video.play();
    } catch (error) {
      camera.stop();
      throw error instanceof CameraFailed ? error : new CameraFailed("unreadable", String(error));
    }
    camera.wait();
    camera.awake = navigator.wakeLock?.request("screen") ?? null;
    camera.awake?.catch(() => undefined); // a browser may refuse, and it is watched all the same
    return camera;
  }

  looked(ageMs: number): void {
    this.lead.looked(ageMs, this.paceOf().periodMs);
  }

  // What a call can carry of it; a browser that cannot play a file into a call gives nothing.
  get track(): MediaStreamTrack | null {
    type Captured = HTMLVideoElement & { captureStream?: () => MediaStream };
    const shown = this.video.srcObject;
    if (shown instanceof MediaStream) return shown.getVideoTracks()[0] ?? null;
    this.captured ??= (this.video as Captured).captureStream?.() ?? null;
    return this.captured?.getVideoTracks()[0] ?? null;
  }

  stop(): void {
    this.isStopped = true;
    this.timer.terminate();
    this.awake?.then((lock) => lock.release()).catch(() => undefined);
    this.video.pause();
    const stream = this.video.srcObject;
    if (stream instanceof MediaStream) for (const track of stream.getTracks()) track.stop();
    if (this.video.src) URL.revokeObjectURL(this.video.src);
    this.video.srcObject = null;
  }

  private show(stream: MediaStream): void {
    this.video.srcObject = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => this.onEnd(this));
  }

  private async play(file: File): Promise<void> {
    this.video.src = URL.createObjectURL(file);
    await new Promise<void>((done, failed) => {
      this.video.onloadeddata = () => done();
      this.video.onerror = () => failed(new CameraFailed("unreadable", file.name));
    });
    this.video.onended = () => this.onEnd(this);
  }

  private wait(): void {
    const nowMs = performance.now();
    const { zeroMs, periodMs } = this.paceOf();
    const dueMs = nextPictureMs(nowMs, zeroMs, periodMs, this.lead.leadMs);
    this.numRings += 1;
    this.timer.postMessage({ id: this.numRings, waitMs: Math.max(1, dueMs - nowMs) });
  }

  private async take(): Promise<void> {
    if (this.isStopped) return;
    const takenMs = performance.now();
    const { videoWidth, videoHeight } = this.video;
    if (!this.isPaused && !this.isCarried && videoWidth > 0) {
      const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(videoWidth, videoHeight));
      this.canvas.width = Math.round(videoWidth * scale);
      this.canvas.height = Math.round(videoHeight * scale);
      const context = this.canvas.getContext("2d");
      context?.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
      const url = await jpegUrl(this.canvas);
      if (url) this.send(picture(url, this.name, takenMs));
      this.lead.took(performance.now() - takenMs);
    }
    if (!this.isStopped) this.wait();
  }
}

function jpegUrl(canvas: HTMLCanvasElement): Promise<string | null> {
  return new Promise((done) => {
    canvas.toBlob(
      (blob) => {
        if (!blob) return done(null);
        const reader = new FileReader();
        reader.onload = () => done(String(reader.result));
        reader.onerror = () => done(null);
        reader.readAsDataURL(blob);
      },
      "image/jpeg",
      QUALITY,
    );
  });
}

async function asked(kind: CameraKind, deviceId?: string): Promise<MediaStream> {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    throw new CameraFailed("insecure", window.location.origin);
  }
  try {
    if (kind === "screen") {
      return await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 5 }, audio: false });
    }
    const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "environment" };
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    return await navigator.mediaDevices.getUserMedia({ video: { ...which, ...size } });
  } catch (error) {
    const { name, message } = error as DOMException;
    throw new CameraFailed(TROUBLES[name] ?? "other", message);
  }
}

const TROUBLES: Record<string, CameraTrouble> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};
