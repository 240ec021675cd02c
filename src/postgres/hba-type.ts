/** The first word of a record: how a connection comes in. */
export type HbaType = "local" | "host" | "hostssl" | "hostnossl" | "hostgssenc" | "hostnogssenc";

export const HBA_TYPES: readonly HbaType[] = ["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"];

export function isHbaType(text: string): text is HbaType {
  return (HBA_TYPES as readonly string[]).includes(text);
}
