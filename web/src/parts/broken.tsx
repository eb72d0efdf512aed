// What is left of the page when a part of it breaks: a sentence, and a way on.
import { Component } from "react";
import type { ReactNode } from "react";
import { useWords } from "../words/words";

export class Broken extends Component<{ children: ReactNode }, { why: string }> {
  override state = { why: "" };

  static getDerivedStateFromError(error: unknown): { why: string } {
    return { why: String(error) };
  }

  override render(): ReactNode {
    return this.state.why ? <Sentence why={this.state.why} /> : this.props.children;
  }
}

// The session goes on without the page; a reload finds it again.
function Sentence({ why }: { why: string }) {
  const words = useWords();
  return (
    <p className="notice notice-bad" role="alert">
      {words.app.failed(why)}
      <button type="button" className="button small" onClick={() => window.location.reload()}>
        {words.app.retry}
      </button>
    </p>
  );
}
