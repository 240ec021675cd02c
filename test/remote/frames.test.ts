import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Frame, readFrames } from "../../src/remote/frames.ts";

const MARKER = "0123456789abcdef";
const frame = (header: string, payload: string) => `${MARKER} ${header}\n${payload}\n${MARKER} .\n`;

async function read(text: string, cuts: readonly number[] = []): Promise<Frame[]> {
  const bytes = Buffer.from(text, "latin1");
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  async function* chunks() {
    for (const [i, end] of bounds.slice(1).entries()) yield bytes.subarray(bounds[i] ?? 0, end);
  }
  const frames: Frame[] = [];
  for await (const one of readFrames(chunks(), MARKER)) frames.push(one);
  return frames;
}

const shown = ({ verb, words, payload }: Frame) => [verb, words, payload.toString("latin1")];

for (const [name, text, expected] of [
  ["an empty payload", frame("finish", ""), [["finish", [], ""]]],
  ["words of the header", frame("file 3 content", "x"), [["file", ["3", "content"], "x"]]],
  ["a payload with newlines at its ends", frame("a", "\n\nx\n\n"), [["a", [], "\n\nx\n\n"]]],
  [
    "a banner before, noise between, a motd behind",
    `Welcome!\n${frame("a", "1")}echo from .bashrc\n${frame("b", "2")}bye`,
    [
      ["a", [], "1"],
      ["b", [], "2"],
    ],
  ],
  ["noise that does not end its line", `prompt$ ${frame("a", "1")}`, [["a", [], "1"]]],
  ["a frame that never ends", `${frame("a", "1")}${MARKER} b\nhalf`, [["a", [], "1"]]],
] as const) {
  test(`readFrames: ${name}`, async () => assert.deepEqual((await read(text)).map(shown), expected));
}

test("readFrames gives the same frames however the stream is cut", async () => {
  const bytes = fc.string({ unit: fc.constantFrom("\n", "a", "\u0000", "\u00ff", " ", ".", MARKER.slice(0, 5)) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(bytes, bytes), { maxLength: 5 }),
      fc.array(fc.nat(500), { maxLength: 20 }),
      async (parts, cuts) => {
        const text = parts
          .map(([noise, payload]) => `${noise.replaceAll(MARKER, "")}\n${frame("v", payload)}`)
          .join("");
        assert.deepEqual(
          (await read(text, cuts)).map(shown),
          parts.map(([, payload]) => ["v", [], payload]),
        );
      },
    ),
  );
});
