/** The parts of nunjucks that expressions are parsed with; @types/nunjucks leaves them out. */
declare module "nunjucks/src/lexer.js" {
  export type Token = { type: string; value: string; lineno: number; colno: number };
  export type Tokenizer = {
    in_code: boolean;
    lineno: number;
    colno: number;
    current(): string;
    forward(): void;
    isFinished(): boolean;
    nextToken(): Token | null;
    _matches(text: string): boolean | null;
    _parseString(delimiter: string): string;
  };
  const lexer: { lex(text: string): Tokenizer };
  export default lexer;
}

declare module "nunjucks/src/nodes.js" {
  export type SyntaxNode = { typename: string; lineno: number; colno: number; [field: string]: unknown };
  type Make = new (lineno: number, colno: number, ...fields: unknown[]) => SyntaxNode;
  const nodes: Readonly<Record<string, Make>>;
  export default nodes;
}

declare module "nunjucks/src/parser.js" {
  import type { Token, Tokenizer } from "nunjucks/src/lexer.js";
  import type { SyntaxNode } from "nunjucks/src/nodes.js";

  class Parser {
    constructor(tokens: Tokenizer);
    nextToken(): Token | null;
    peekToken(): Token | null;
    pushToken(token: Token | null): void;
    skip(type: string): boolean;
    skipValue(type: string, value: string): boolean;
    skipSymbol(name: string): boolean;
    fail(message: string, lineno?: number, colno?: number): never;
    parseAsRoot(): SyntaxNode;
    parseStatement(): SyntaxNode | null;
    parseIn(): SyntaxNode;
    parseConcat(): SyntaxNode;
    parsePow(): SyntaxNode;
    parseUnary(noFilters?: boolean): SyntaxNode;
    parsePrimary(): SyntaxNode;
    parseFilter(node: SyntaxNode): SyntaxNode;
    parseFilterName(): SyntaxNode;
    parseSignature(): SyntaxNode;
  }
  const parser: { Parser: typeof Parser };
  export default parser;
}
