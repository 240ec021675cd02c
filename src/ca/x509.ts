/**
 * `@peculiar/x509`, loaded when a certificate is first made: runs without one don't pay for it.
 *
 * It wants reflection of a library that it doesn't bring (tsyringe refuses to load without). Its classes carry no types at run time,
 * so the three functions are enough, and they must exist before the import: hence the import inside.
 */
export async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  const reflect = Reflect as Partial<Metadata>;
  if (reflect.getMetadata === undefined) Object.assign(reflect, metadata());
  return await import("@peculiar/x509");
}

type Metadata = {
  defineMetadata(key: unknown, value: unknown, target: object): void;
  getOwnMetadata(key: unknown, target: object): unknown;
  getMetadata(key: unknown, target: object): unknown;
};

function metadata(): Metadata {
  const kept = new WeakMap<object, Map<unknown, unknown>>();
  const getOwnMetadata = (key: unknown, target: object) => kept.get(target)?.get(key);
  return {
    defineMetadata(key, value, target) {
      kept.set(target, (kept.get(target) ?? new Map()).set(key, value));
    },
    getOwnMetadata,
    getMetadata(key, target) {
      for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
        const found = getOwnMetadata(key, at);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
