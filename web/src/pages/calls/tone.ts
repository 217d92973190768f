/* A soft tone at ring. A browser that allows no sound before the first click stays silent. */
let audio: AudioContext | null = null

/** Of several windows one sounds. */
export function ring_tone(call: string) {
  if (!navigator.locks) tone()
  else
    void navigator.locks.request(`kith-ring-${call}`, { ifAvailable: true }, async (lock) => {
      if (!lock) return
      tone()
      await new Promise((done) => setTimeout(done, 2000))
    })
}

export function tone() {
  try {
    audio ??= new AudioContext()
    if (audio.state === 'suspended') void audio.resume()
    if (audio.state !== 'running') return
    const at = audio.currentTime + 0.02
    note(audio, 587.33, at)
    note(audio, 880, at + 0.18)
  } catch {
    /* no sound here */
  }
}
function note(a: AudioContext, hertz: number, at: number) {
  const gain = a.createGain()
  gain.gain.setValueAtTime(0, at)
  gain.gain.linearRampToValueAtTime(0.07, at + 0.03)
  gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.55)
  gain.connect(a.destination)
  const wave = a.createOscillator()
  wave.type = 'sine'
  wave.frequency.value = hertz
  wave.connect(gain)
  wave.start(at)
  wave.stop(at + 0.6)
}
