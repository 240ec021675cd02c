import type { Change } from "./change.ts";

/**
 * What undoes `change`, given that it was made. A certificate is undone file by file: the old key is put back from the host's own
 * image of it, which no request describes. What a file made the server want is left out, since the old values are not in the change.
 * An activation is its own inverse: the files are what they were, and the server has to read them again. Its place in a list is
 * after the files, whichever way the list is read.
 */
export function inverse(change: Change): readonly Change[] {
  switch (change.kind) {
    case "file":
      return [
        {
          kind: "file",
          path: change.path,
          before: change.after,
          after: change.before,
          because: change.because,
          ...backup(change),
        },
      ];
    case "certificate":
      return [change.certificate, change.key].map(({ before, after }) => ({
        kind: "file",
        path: after.path,
        before: after,
        after: before,
        because: change.because,
      }));
    case "activate":
      return [change];
  }
}

function backup(change: { backup?: boolean }): { backup?: boolean } {
  return change.backup === undefined ? {} : { backup: change.backup };
}
