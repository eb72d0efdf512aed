import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Markdown } from "../src/parts/markdown";

const html = (text: string) => renderToStaticMarkup(<Markdown text={text} />);

test("headings, lists, code, emphasis and links are shown as such", () => {
  const made = html("# Care\n\nWater **weekly**, *never* `daily`.\n\n- sun\n- shade\n\n1. dig\n2. wait");
  expect(made).toContain("<h4>Care</h4>");
  expect(made).toContain("<strong>weekly</strong>, <em>never</em> <code>daily</code>");
  expect(made).toContain("<ul><li>sun</li><li>shade</li></ul>");
  expect(made).toContain("<ol><li>dig</li><li>wait</li></ol>");
  expect(html("see [here](https://a.example/x)")).toContain('href="https://a.example/x"');
  expect(html("```\na < b\n```")).toContain("<code>a &lt; b</code>");
});

test("HTML in a text stays text", () => {
  const made = html('<img src=x onerror=alert(1)> <script>alert(1)</script>\n\n<b>bold</b>');
  expect(made).not.toMatch(/<(img|script|b)\b/);
});

test.each(["javascript:alert(1)", "data:text/html,x", "vbscript:x", "//evil.example", "/local"])(
  "a link to %s is no link",
  (address) => {
    expect(html(`[press](${address})`)).not.toContain("<a ");
  },
);

test("a text that is never closed is shown to its end", () => {
  expect(html("```\nnever closed")).toContain("never closed");
  expect(html("**never closed")).toContain("**never closed");
});

test("a long text of brackets that never close takes no time", () => {
  const nonsense = "[( ".repeat(30_000);
  const beganMs = performance.now();
  html(nonsense);
  expect(performance.now() - beganMs).toBeLessThan(1000);
});
