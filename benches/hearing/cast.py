"""Who speaks a case, and over what kind of line. The same for the same case, always."""

import random
from dataclasses import dataclass

AGENTS = ["piper:joe", "flite:slt", "flite:rms", "festival:cmu_us_slt_arctic_hts"]
CALLERS = [
    "piper:joe",
    "flite:slt",
    "kokoro:jf_alpha",
    "piper:joe",
    "flite:rms",
    "festival:cmu_us_slt_arctic_hts",
    "kokoro:jm_kumo",
    "flite:awb",
    "piper:joe",
    "flite:kal16",
    "festival:ked_diphone",
    "kokoro:jf_tebukuro",
]
OTHERS = {
    "es": (["espeak:es", "kokoro:jf_tebukuro@es"], ["kokoro:jf_alpha@es", "kokoro:jm_kumo@es", "espeak:es-419"]),
    "fr": (["espeak:fr", "kokoro:jf_tebukuro@fr"], ["kokoro:jf_alpha@fr", "kokoro:jm_kumo@fr", "espeak:fr"]),
}
CODECS = ["ulaw", "gsm", "alaw", "ulaw", "mp3", "gsm", "pcm"]


@dataclass(frozen=True)
class Cast:
    # By speaker: A answers for the business, B calls.
    voice_of: dict[str, str]
    codec: str
    noise_db: float
    # A channel for each speaker.
    stereo: bool
    seed: int


def cast(name: str, language: str) -> Cast:
    rng = random.Random(name)
    agents, callers = OTHERS.get(language, (AGENTS, CALLERS))
    caller = rng.choice(callers)
    agent = rng.choice([voice for voice in agents if voice != caller])
    stereo = rng.random() < 1 / 3
    codec = rng.choice([codec for codec in CODECS if not (stereo and codec == "gsm")])
    return Cast({"A": agent, "B": caller}, codec, round(rng.uniform(13, 27), 1), stereo, rng.getrandbits(32))
