// What a machine may do to a server, done by a test: a disk that is full, limits, clocks.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, unlinkSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const run = (...words) => execFileSync(words[0], words.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

// A disk of its own of so many megabytes, in memory; undefined where this may not be mounted. fill() leaves no byte.
export function smallDisk(t, mb) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'kith-disk-'));
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${mb}m,mode=0700`, 'tmpfs', dir);
  } catch {
    rmSync(dir, { recursive: true });
    return undefined;
  }
  // behind the house's own end, which is hooked in later
  const away = () => { try { run('umount', '--lazy', dir); } finally { rmSync(dir, { recursive: true, force: true }); } };
  const ballast = path.join(dir, 'ballast');
  return {
    dir: path.join(dir, 'house'),
    away,
    fill() {
      const fd = openSync(ballast, 'a');
      for (let piece = 1 << 20; piece >= 1;) {
        try {
          writeSync(fd, Buffer.alloc(piece));
        } catch (e) {
          if (e.code !== 'ENOSPC') throw e;
          piece = piece >> 1;
        }
      }
      closeSync(fd);
    },
    empty() { unlinkSync(ballast); },
  };
}

// The kernel refuses this process every byte of a file beyond `bytes`; 'unlimited' lets it go on.
export function fileLimit(pid, bytes) {
  run('prlimit', '--pid', String(pid), `--fsize=${bytes}:`);
}

export const fileSize = (name) => { try { return statSync(name).size; } catch { return 0; } };
export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
export const residentKb = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
// The most memory that it ever had.
export const peakKb = (pid) => Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

// Milliseconds of processor time that the process has used.
export function cpuMs(pid) {
  const rest = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(rest[11]) + Number(rest[12])) * 10;
}
