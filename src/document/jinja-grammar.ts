import lexer, { type Token, type Tokenizer } from "nunjucks/src/lexer.js";
import nodes, { type SyntaxNode } from "nunjucks/src/nodes.js";
import parser from "nunjucks/src/parser.js";

/**
 * nunjucks' syntax tree of a template. Where its grammar is not Jinja's, Jinja's is kept (jinja2/parser.py): tests bind like filters and may have an
 * argument without parentheses, `* / // %` go from left to right, `~` binds closer than `+`, and a backslash before an ordinary character stays.
 * Throws what nunjucks throws: errors with `lineno` and `colno` (1-based) mostly, and TypeErrors where the text ends too early.
 */
export function parseJinja(text: string): SyntaxNode {
  return new JinjaParser(jinjaTokens(text)).parseAsRoot();
}

const ADDITIVE = ["+", "-"];
const MULTIPLICATIVE = ["*", "/", "//", "%"];
const COMPARISONS = ["==", "!=", "<", ">", "<=", ">="];
const OPERATOR_NODES: Readonly<Record<string, string>> = {
  "+": "Add",
  "-": "Sub",
  "*": "Mul",
  "/": "Div",
  "//": "FloorDiv",
  "%": "Mod",
};
/** Names that can't begin the argument of a test: `x is defined and y`. */
const AFTER_A_TEST = new Set(["and", "or", "not", "in", "is", "if", "else"]);

class JinjaParser extends parser.Parser {
  override parseStatement(): SyntaxNode | null {
    const token = this.peekToken();
    return this.fail("blocks ({% %}) are not supported", token?.lineno, token === null ? undefined : token.colno - 3);
  }

  override parseIn(): SyntaxNode {
    const first = this.parseConcat();
    const operands: SyntaxNode[] = [];
    for (let token = this.peekToken(); token !== null; token = this.peekToken()) {
      const operator = this.#comparison();
      if (operator === undefined) break;
      operands.push(node("CompareOperand", token, this.parseConcat(), operator));
    }
    return operands.length === 0 ? first : node("Compare", operands[0] ?? first, first, operands);
  }

  #comparison(): string | undefined {
    for (const operator of COMPARISONS) if (this.skipValue("operator", operator)) return operator;
    if (this.skipSymbol("in")) return "in";
    if (!this.skipSymbol("not")) return undefined;
    if (!this.skipSymbol("in")) this.fail('expected "in" after "not"');
    return "not in";
  }

  override parseConcat(): SyntaxNode {
    return this.#leftToRight(ADDITIVE, () => this.#parseTilde());
  }

  #parseTilde(): SyntaxNode {
    let left = this.#parseProduct();
    for (let at = this.peekToken(); this.skip("tilde"); at = this.peekToken()) {
      left = node("Concat", at ?? left, left, this.#parseProduct());
    }
    return left;
  }

  #parseProduct(): SyntaxNode {
    return this.#leftToRight(MULTIPLICATIVE, () => this.parsePow());
  }

  #leftToRight(operators: readonly string[], parseOperand: () => SyntaxNode): SyntaxNode {
    let left = parseOperand();
    for (;;) {
      const token = this.peekToken();
      if (token === null || token?.type !== "operator" || !operators.includes(token.value)) return left;
      this.nextToken();
      left = node(OPERATOR_NODES[token.value] ?? "", token, left, parseOperand());
    }
  }

  override parseUnary(noFilters?: boolean): SyntaxNode {
    let operand = super.parseUnary(noFilters);
    while (noFilters !== true && this.skipSymbol("is")) operand = this.parseFilter(this.#parseTest(operand));
    return operand;
  }

  #parseTest(operand: SyntaxNode): SyntaxNode {
    const isNegated = this.skipSymbol("not");
    const name = this.#parseTestName();
    const test = node("Is", name, operand, name, this.#parseTestArguments());
    return isNegated ? node("Not", name, test) : test;
  }

  #parseTestName(): SyntaxNode {
    const token = this.peekToken();
    const isWord = token?.type === "none" || token?.type === "boolean";
    if (token === null || !isWord) return this.parseFilterName();
    this.nextToken();
    return node("Symbol", token, token.value);
  }

  #parseTestArguments(): SyntaxNode {
    const token = this.peekToken();
    if (token?.type === "left-paren") return this.parseSignature();
    const one = ["string", "int", "float", "boolean", "none", "left-bracket", "left-curly"];
    const isName = token?.type === "symbol" && !AFTER_A_TEST.has(token.value);
    const isOne = token !== null && token !== undefined && (isName || one.includes(token.type));
    return node("NodeList", token ?? { lineno: 0, colno: 0 }, isOne ? [this.parsePrimary()] : []);
  }
}

function node(name: string, { lineno, colno }: { lineno: number; colno: number }, ...fields: unknown[]): SyntaxNode {
  const Make = nodes[name];
  if (Make === undefined) throw new Error(`nunjucks has no node ${name}`);
  // nunjucks knows only two fields of this one; the arguments of the test are a third.
  if (name === "Is") return Object.assign(new Make(lineno, colno, fields[0], fields[1]), { args: fields[2] });
  return new Make(lineno, colno, ...fields);
}

function jinjaTokens(text: string): Tokenizer {
  const tokens = lexer.lex(text);
  const next = tokens.nextToken.bind(tokens);
  let openBraces = 0;
  tokens.nextToken = () => {
    if (!tokens.in_code) openBraces = 0;
    else if (openBraces > 0 && tokens.current() === "}") {
      openBraces -= 1; // the end of a map, even where the next brace makes it look like }}
      return single(tokens, "right-curly");
    } else if (tokens._matches("r/")) return single(tokens, "symbol"); // a division, not nunjucks' r/regex/
    const token = next();
    if (token?.type === "left-curly") openBraces += 1;
    return token;
  };
  tokens._parseString = (delimiter) => parseString(tokens, delimiter);
  return tokens;
}

function single(tokens: Tokenizer, type: string): Token {
  const token = { type, value: tokens.current(), lineno: tokens.lineno, colno: tokens.colno };
  tokens.forward();
  return token;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

/** As Python reads a string: `\d` stays `\d`, so that a regular expression can be written. */
function parseString(tokens: Tokenizer, delimiter: string): string {
  const { lineno, colno } = tokens;
  tokens.forward();
  let text = "";
  while (tokens.current() !== delimiter) {
    if (tokens.isFinished())
      throw Object.assign(new Error("missing closing quote"), { lineno: lineno + 1, colno: colno + 1 });
    let piece = tokens.current();
    if (piece === "\\") {
      tokens.forward();
      piece = ESCAPES[tokens.current()] ?? `\\${tokens.current()}`;
    }
    text += piece;
    tokens.forward();
  }
  tokens.forward();
  return text;
}
