import { Document, isCollection, isMap, isPair, isScalar, visit, type YAMLMap } from "yaml";

export interface ComposeTextArgs {
  /** First lines of the file. */
  readonly heading: string;
  /** What is said of each entry of a section. */
  readonly comments: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Renders a Compose project as a file to be read: a comment above each entry, short lists and maps on one line. */
export function renderText(project: Readonly<Record<string, unknown>>, { heading, comments }: ComposeTextArgs): string {
  const document = new Document(escaped(project), { compat: "yaml-1.1", aliasDuplicateObjects: false });
  document.commentBefore = heading.replace(/^(?=.)/gm, " ");
  for (const { key, value } of (document.contents as unknown as YAMLMap).items) {
    if (!isScalar(key) || !isMap(value)) continue;
    key.spaceBefore = true;
    addComments(value, comments[String(key.value)] ?? {});
  }
  compact(document);
  quoteAddresses(document);
  return document.toString({ lineWidth: 0 });
}

/** Compose takes a dollar sign for a variable. */
function escaped(value: any): any {
  if (typeof value === "string") return value.replaceAll("$", "$$$$");
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, escaped(entry)]));
}

function addComments(section: YAMLMap, comments: Readonly<Record<string, string>>): void {
  for (const [index, { key, value }] of section.items.entries()) {
    if (!isScalar(key)) continue;
    key.commentBefore = ` ${comments[String(key.value)]}`;
    key.spaceBefore = index > 0 && isMap(value);
  }
}

/** Sections that are read line by line. */
const longSections = ["environment", "labels"];

/** Writes short lists and maps on one line. */
function compact(document: Document): void {
  visit(document, {
    Collection(_, node, path) {
      const parent = path.at(-1);
      if (isPair(parent) && isScalar(parent.key) && longSections.includes(String(parent.key.value))) return;
      const leaves = node.items.every((item) => isScalar(item) || (isPair(item) && !isCollection(item.value)));
      if (leaves && JSON.stringify(node.toJSON()).length <= 110) node.flow = true;
    },
  });
}

/** Compose's parser reads no plain `::1` within braces. */
function quoteAddresses(document: Document): void {
  visit(document, {
    Scalar(key, node) {
      if (key !== "key" && typeof node.value === "string" && node.value.includes("::")) node.type = "QUOTE_DOUBLE";
    },
  });
}
