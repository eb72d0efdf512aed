// Markdown as React elements: no HTML is ever made from a text, so none can come out of it.
import type { ReactNode } from "react";

const FENCE = /^```/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const BULLET = /^\s*[-*+]\s+(.*)$/;
const NUMBER = /^\s*\d{1,3}[.)]\s+(.*)$/;
const QUOTE = /^>\s?(.*)$/;
// Every run has an end, so that no text takes long to read.
const INLINE =
  /`([^`\n]{1,400})`|\*\*([^*\n]{1,400})\*\*|(?<![\w*])\*([^*\s][^*\n]{0,400})\*(?!\w)|\[([^[\]\n]{1,300})\]\(([^()\s]{1,1000})\)|(https?:\/\/[^\s<>"')\]]{1,1000})/g;

export function Markdown({ text }: { text: string }) {
  return <div className="markdown">{blocks(text.split("\n"))}</div>;
}

function blocks(lines: string[]): ReactNode[] {
  const made: ReactNode[] = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = block(lines, at, made.length);
    if (node) made.push(node);
    at = next;
  }
  return made;
}

function block(lines: string[], at: number, key: number): [ReactNode, number] {
  const line = lines[at] ?? "";
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) return fenced(lines, at, key);
  const heading = HEADING.exec(line);
  if (heading) return [<h4 key={key}>{inline(heading[2] ?? "")}</h4>, at + 1];
  for (const [pattern, Tag] of [
    [BULLET, "ul"],
    [NUMBER, "ol"],
  ] as const) {
    if (!pattern.test(line)) continue;
    const [items, next] = run(lines, at, pattern);
    const listed = items.map((item, index) => <li key={index}>{inline(item)}</li>);
    return [<Tag key={key}>{listed}</Tag>, next];
  }
  if (QUOTE.test(line)) {
    const [quoted, next] = run(lines, at, QUOTE);
    return [<blockquote key={key}>{inline(quoted.join(" "))}</blockquote>, next];
  }
  let end = at + 1;
  while (end < lines.length && isPlain(lines[end] ?? "")) end += 1;
  return [<p key={key}>{inline(lines.slice(at, end).join("\n"))}</p>, end];
}

function fenced(lines: string[], at: number, key: number): [ReactNode, number] {
  let end = at + 1;
  while (end < lines.length && !FENCE.test(lines[end] ?? "")) end += 1;
  const code = lines.slice(at + 1, end).join("\n");
  return [
    <pre key={key} tabIndex={0}>
      <code>{code}</code>
    </pre>,
    end + 1,
  ];
}

function run(lines: string[], at: number, pattern: RegExp): [string[], number] {
  const items: string[] = [];
  let match = pattern.exec(lines[at] ?? "");
  while (match) {
    items.push(match[1] ?? "");
    match = pattern.exec(lines[at + items.length] ?? "");
  }
  return [items, at + items.length];
}

function isPlain(line: string): boolean {
  return Boolean(line.trim()) && ![FENCE, HEADING, BULLET, NUMBER, QUOTE].some((p) => p.test(line));
}

function inline(text: string): ReactNode[] {
  const made: ReactNode[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) made.push(text.slice(from, match.index));
    made.push(marked(match, made.length));
    from = match.index + match[0].length;
  }
  if (from < text.length) made.push(text.slice(from));
  return made;
}

function marked(match: RegExpExecArray, key: number): ReactNode {
  const [whole, code, strong, emphasis, label, target, bare] = match;
  if (code !== undefined) return <code key={key}>{code}</code>;
  if (strong !== undefined) return <strong key={key}>{strong}</strong>;
  if (emphasis !== undefined) return <em key={key}>{emphasis}</em>;
  const address = target ?? bare ?? "";
  if (!/^https?:\/\//i.test(address)) return whole;
  return (
    <a key={key} href={address} target="_blank" rel="noopener noreferrer nofollow">
      {label ?? bare}
    </a>
  );
}
