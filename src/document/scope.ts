import { didYouMean } from "../diagnostics/suggest.ts";
import { type Names, Undefined } from "./evaluate.ts";
import type { DocumentNode, Value } from "./node.ts";
import { OMIT, renderValue } from "./render.ts";
import { badTemplate, TemplateFault } from "./template-fault.ts";
import { ownValue, type ValueMap } from "./value.ts";

export type Layer = ReadonlyMap<string, DocumentNode>;

/**
 * What names mean for one host and task. Variables are rendered when they are first asked for, in this same scope, and once; so a
 * variable that nobody uses may well be wrong. Later layers win over earlier ones, and `values` (`inventory_hostname`, `groups`,
 * `hostvars` ...) over all; they are plain and never rendered. A map in `values` may have getters where its items are dear.
 */
export class Scope implements Names {
  readonly #layers: readonly Layer[];
  readonly #values: ValueMap;
  readonly #rendered = new Map<string, Value | Undefined | TemplateFault>();
  /** Variables being rendered, outermost first: to meet one again is a loop. */
  readonly #open: string[] = [];

  constructor(layers: readonly Layer[], values: Readonly<Record<string, Value>> = {}) {
    this.#layers = layers;
    this.#values = values;
  }

  /** This scope with more variables that win over the ones it has. */
  with(...layers: readonly Layer[]): Scope {
    return new Scope([...this.#layers, ...layers], this.#values);
  }

  lookUp(name: string): Value | Undefined {
    if (name === "omit") return OMIT;
    const value = ownValue(this.#values, name);
    if (value !== undefined) return value;
    const known = this.#rendered.get(name);
    if (known instanceof TemplateFault) throw known;
    if (known !== undefined) return known;
    const node = this.#layers.findLast((layer) => layer.has(name))?.get(name);
    if (node === undefined) {
      const suggestion = didYouMean(name, this.known());
      return new Undefined(new TemplateFault("UNDEFINED_VARIABLE", `undefined variable "${name}"`, suggestion));
    }
    return this.#render(name, node);
  }

  *known(): Iterable<string> {
    yield* Object.keys(this.#values);
    for (const layer of this.#layers) yield* layer.keys();
  }

  #render(name: string, node: DocumentNode): Value | Undefined {
    if (this.#open.includes(name)) {
      const loop = [...this.#open.slice(this.#open.indexOf(name)), name].join(" -> ");
      throw badTemplate(`variables refer to each other in a loop: ${loop}`);
    }
    this.#open.push(name);
    try {
      const value = renderValue(node, this);
      this.#rendered.set(name, value);
      return value;
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      // As in Ansible, a variable made of something undefined is undefined itself: `default` and `is defined` see it so.
      const outcome = error.code === "UNDEFINED_VARIABLE" ? new Undefined(error) : error;
      this.#rendered.set(name, outcome);
      if (outcome instanceof TemplateFault) throw outcome;
      return outcome;
    } finally {
      this.#open.pop();
    }
  }
}
