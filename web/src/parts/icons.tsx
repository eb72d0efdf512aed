// Drawn on a grid of 24, with the colour of the text around them.
const PATHS = {
  eye: "M2.5 12C5 7.2 8.2 5 12 5s7 2.2 9.5 7c-2.5 4.8-5.7 7-9.5 7s-7-2.2-9.5-7Z M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  camera: "M3 7.5A1.5 1.5 0 0 1 4.5 6h10A1.5 1.5 0 0 1 16 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-10A1.5 1.5 0 0 1 3 16.5Z M16 10.5 21 8v8l-5-2.5",
  screen: "M3 5h18v11H3Z M9 20h6 M12 16v4",
  file: "M6 3h8l4 4v14H6Z M14 3v4h4 M10 11.5l4.5 2.75L10 17Z",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1 M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  play: "M7 4.5v15l12-7.5Z",
  pause: "M8 5v14 M16 5v14",
  stop: "M6.5 6.5h11v11h-11Z",
  plus: "M12 5v14 M5 12h14",
  close: "M6 6l12 12 M18 6 6 18",
  send: "M4 12 20 4l-5 16-3.5-6.5Z M11.5 13.5 20 4",
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3Z M5.5 11a6.5 6.5 0 0 0 13 0 M12 17.5V21",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z M15.5 9a4 4 0 0 1 0 6 M18 6.5a8 8 0 0 1 0 11",
  mute: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z M16 9.5l5 5 M21 9.5l-5 5",
  edit: "M4 20l1-4L16.5 4.5l3 3L8 19Z",
  left: "M14.5 5.5 8 12l6.5 6.5",
  right: "M9.5 5.5 16 12l-6.5 6.5",
  zone: "M4 8l9-4 7 6-3 10-11-2Z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z M12 2.5v2 M12 19.5v2 M2.5 12h2 M19.5 12h2 M5.3 5.3l1.4 1.4 M17.3 17.3l1.4 1.4 M18.7 5.3l-1.4 1.4 M6.7 17.3l-1.4 1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  half: "M12 4a8 8 0 1 0 0 16Z M12 4a8 8 0 0 1 0 16",
  trash: "M5 7h14 M9.5 7V4.5h5V7 M7 7l1 13h8l1-13",
  download: "M12 4v11 M7 11l5 5 5-5 M5 20h14",
  bolt: "M13 3 5 13.5h5.5L11 21l8-10.5h-5.5Z",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z M12 8v4l3 2",
  hash: "M9.5 4 7.5 20 M16.5 4l-2 16 M4.5 9h16 M3.5 15h16",
  language: "M4 6h9 M8.5 4v2 M5 15c4-2 6-5 6.5-9 M6.5 9.5c1 2.5 3 4.5 5.5 5.5 M12.5 20l4-10 4 10 M14 17h5",
  speak: "M4 5h16v11h-8l-4.5 4v-4H4Z",
  box: "M4 8l8-4 8 4v8l-8 4-8-4Z M4 8l8 4 8-4 M12 12v8",
  thumb: "M7 11l4-7c1.5 0 2.5 1 2.5 2.5V10H19l-1.5 9H7Z M3.5 11H7v8H3.5Z",
  cross: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z M9 9l6 6 M15 9l-6 6",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
