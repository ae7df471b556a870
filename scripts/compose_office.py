#!/usr/bin/env python3
"""Composes the demo office under tests/data/office from human voices.

usage: compose_office.py SOUNDS FSDD OUT
  SOUNDS  Asterisk's English prompts (Debian: asterisk-core-sounds-en-wav)
  FSDD    the Free Spoken Digit Dataset's 8 kHz digits
  OUT     written anew: monitor/YYYY/MM/DD/NAME.EXT, NAME.json (verbose_json), cdr.csv

The recordings and their words are the test material; this script is how they
were made. Needs numpy and sox (for GSM and WAV49).
"""
import csv
import json
import os
import random
import subprocess
import sys

import numpy as np

SR = 8000
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December"]
ORDINALS = {15: "fifteenth", 9: "ninth"}
TEENS = {19: "nineteen"}
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
TEXT = {
    "hello": "Hello.", "queue-thankyou": "Thank you for your patience.",
    "vm-enter-num-to-call": "Please enter the number you wish to call.",
    "one-moment-please": "One moment, please.", "vm-num-i-have": "The number I have is",
    "auth-thankyou": "Thank you.", "vm-goodbye": "Goodbye.", "im-sorry": "I'm sorry.",
    "please-try-again": "Please try again.", "vm-password": "Password",
    "confbridge-pin": "Please enter your personal identification number followed by the pound or hash key.",
    "conf-getpin": "Please enter the conference pin number.",
    "privacy-prompt": "Please enter your phone number, starting with the area code.",
    "priv-callpending": "I have a caller waiting, who introduces themselves as",
    "followme/pls-hold-while-try": "Please hold while I try to locate the person you are calling.",
    "queue-youarenext": "Your call is now first in line and will be answered by the next available representative.",
    "queue-callswaiting": "Waiting to speak with a representative.",
    "vm-nobodyavail": "Nobody is available to take your call at the moment.",
    "tt-weasels": "Weasels have eaten our phone system.",
    "demo-thanks": "Goodbye. Thank you for trying out the Asterisk open source PBX.",
    "pbx-transfer": "Transfer.", "transfer": "Please hold while I try that extension.",
    "is": "is", "your": "Your", "number": "number", "digits/at": "at", "vm-message": "message",
    "vm-tooshort": "Your message is too short.", "sorry-youre-having-problems": "Sorry you're having problems.",
}


def wav(path):
    out = subprocess.run(["sox", path, "-t", "raw", "-r", str(SR), "-e", "signed", "-b", "16", "-c", "1", "-"],
                         check=True, capture_output=True).stdout
    return np.frombuffer(out, "<i2").astype(np.float32)


def speech(x, below_db=45.0):
    """The part within below_db of the loudest 10 ms."""
    n = 80
    f = np.array([np.sqrt(np.mean(x[i:i + n] ** 2) + 1e-9) for i in range(0, max(1, len(x) - n + 1), n)])
    on = np.where(20 * np.log10(f / f.max()) > -below_db)[0]
    x = x[on[0] * n:min(len(x), (on[-1] + 1) * n)]
    a = x * (1800.0 / (np.sqrt(np.mean(x ** 2)) + 1e-9))
    return a * (30000.0 / np.abs(a).max()) if np.abs(a).max() > 30000 else a


class Call:
    def __init__(self, sounds, fsdd, seed, speaker):
        self.sounds, self.fsdd, self.rng, self.speaker = sounds, fsdd, random.Random(seed), speaker
        self.x, self.words, self.seed = np.zeros(0, np.float32), [], seed
        self.pause(0.3)

    def t(self):
        return len(self.x) / SR

    def pause(self, s):
        self.x = np.concatenate([self.x, np.zeros(int(s * SR), np.float32)])

    def put(self, x, tokens, who, gap=0.08):
        start = self.t()
        self.x = np.concatenate([self.x, x])
        total, at = sum(len(w) + 1 for w in tokens), start
        for w in tokens:
            d = (self.t() - start) * (len(w) + 1) / total
            self.words.append({"word": w, "start": round(at, 3), "end": round(at + d, 3), "speaker": who})
            at += d
        self.pause(gap)

    def say(self, key, pause=0.4):
        self.put(speech(wav(f"{self.sounds}/{key}.wav")), TEXT[key].split(), "agent")
        self.pause(pause)

    def prompt(self, key, text, who="agent", gap=0.08):
        self.put(speech(wav(f"{self.sounds}/{key}.wav")), text.split(), who, gap)

    def spell(self, word, who="agent"):
        """Letters said one by one that an engine writes as one word."""
        x = np.concatenate([speech(wav(f"{self.sounds}/letters/{c}.wav")) for c in word.lower()])
        self.put(x, [word], who)

    def letters(self, word, who="customer"):
        for c in word.lower():
            self.prompt(f"letters/{c}", c, who)

    def digits(self, value, groups):
        i = 0
        for g in groups:
            for _ in range(g):
                d = int(value[i])
                i += 1
                clip = f"{self.fsdd}/{d}_{self.speaker}_{self.rng.randrange(8)}.wav"
                self.put(speech(wav(clip)), [NAMES[d]], "customer", max(0.02, self.rng.gauss(0.09, 0.02)))
            self.pause(0.35)

    def spoken(self, keys):
        for key, text in keys:
            self.prompt(key, text, "customer")
        self.pause(0.4)

    def dtmf(self, keys):
        rows, cols = [697, 770, 852, 941], [1209, 1336, 1477, 1633]
        pad = ["123A", "456B", "789C", "*0#D"]
        for k in keys:
            r = next(i for i, p in enumerate(pad) if k in p)
            n = int(0.1 * SR)
            t = np.arange(n) / SR
            tone = 5000 * (np.sin(2 * np.pi * rows[r] * t) + np.sin(2 * np.pi * cols[pad[r].index(k)] * t))
            tone[:24] *= np.linspace(0, 1, 24)
            tone[-24:] *= np.linspace(1, 0, 24)
            self.x = np.concatenate([self.x, tone.astype(np.float32)])
            self.pause(0.12)
        self.pause(0.4)

    def save(self, folder, name):
        self.pause(0.3)
        noise = np.random.default_rng(self.seed).normal(0, 20, len(self.x))
        pcm = np.clip(self.x + noise, -32768, 32767).astype("<i2").tobytes()
        os.makedirs(folder, exist_ok=True)
        path, ext = f"{folder}/{name}", name.rsplit(".", 1)[1]
        kind = {"wav": ["-t", "wav", "-e", "signed", "-b", "16"], "WAV": ["-t", "wav", "-e", "gsm-full-rate"],
                "ulaw": ["-t", "raw", "-e", "mu-law", "-b", "8"], "alaw": ["-t", "raw", "-e", "a-law", "-b", "8"],
                "gsm": ["-t", "gsm"], "sln": ["-t", "raw", "-e", "signed", "-b", "16"]}[ext]
        subprocess.run(["sox", "-R", "-t", "raw", "-r", str(SR), "-e", "signed", "-b", "16", "-c", "1", "-", *kind, path],
                       input=pcm, check=True, stderr=subprocess.DEVNULL)
        words = [{k: w[k] for k in ("word", "start", "end", "speaker")} for w in self.words]
        doc = {"task": "transcribe", "language": "english", "duration": round(self.t(), 3),
               "text": " ".join(w["word"] for w in words), "words": words}
        with open(path.rsplit(".", 1)[0] + ".json", "w") as f:
            json.dump(doc, f, separators=(",", ":"))
        return round(self.t())


COLUMNS = ("calldate,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,amaflags,"
           "accountcode,uniqueid,userfield,did,recordingfile,cnum,cnam,outbound_cnum,outbound_cnam,dst_cnam,linkedid,"
           "peeraccount,sequence").split(",")


def main():
    sounds, fsdd, out = sys.argv[1:4]
    rows = []

    def call(seed, speaker="theo"):
        c = Call(sounds, fsdd, seed, speaker)
        return c

    def leg(calldate, uniqueid, seq, **kw):
        row = dict.fromkeys(COLUMNS, "")
        row.update(calldate=calldate, uniqueid=uniqueid, linkedid=uniqueid, sequence=seq, amaflags=3, lastapp="Dial",
                   disposition="ANSWERED", duration=0, billsec=0)
        row.update(kw)
        rows.append(row)

    def file(name, c):
        d = name.split("-")
        day = next(p for p in d if len(p) == 8 and p.startswith("2024"))
        return c.save(f"{out}/monitor/{day[:4]}/{day[4:6]}/{day[6:]}", name)

    outside = dict(src="15557654321", cnum="15557654321", cnam="CELL CALLER", clid='"CELL CALLER" <15557654321>',
                   did="15551230000")
    inside = dict(src="201", cnum="201", cnam="Alice", clid='"Alice" <201>', dcontext="from-internal")

    # DID call: card number, expiry and CVV.
    c = call(1, "george")
    c.say("hello"); c.say("vm-enter-num-to-call")
    c.digits("4532148803436467", [4, 4, 4, 4])
    c.say("one-moment-please")
    c.prompt("your", "Your"); c.spell("EXP"); c.prompt("is", "is", gap=0.4); c.digits("0927", [2, 2])
    c.prompt("your", "Your"); c.spell("CVV"); c.prompt("is", "is", gap=0.4); c.digits("731", [3])
    c.say("auth-thankyou"); c.say("vm-goodbye")
    name = "external-201-15557654321-20240514-093012-1715693412.34.wav"
    s = file(name, c)
    leg("2024-05-14 09:30:12", "1715693412.34", 100, **outside, dst="201", dcontext="from-did-direct",
        channel="PJSIP/ITSP-00000010", dstchannel="PJSIP/201-00000011", duration=s + 9, billsec=s, recordingfile=name)

    # Ring group, two legs, one recording: a PIN. WAV49.
    c = call(2, "jackson")
    c.say("hello"); c.say("confbridge-pin"); c.digits("4471", [4]); c.say("auth-thankyou"); c.say("vm-goodbye")
    name = "rg-600-15557654321-20240514-094103-1715694063.40.WAV"
    s = file(name, c)
    ring = dict(**outside, dst="600", dcontext="ext-group", channel="PJSIP/ITSP-00000012", recordingfile=name)
    leg("2024-05-14 09:41:03", "1715694063.40", 101, **ring, dstchannel="PJSIP/201-00000013", duration=9,
        disposition="NO ANSWER")
    leg("2024-05-14 09:41:03", "1715694063.40", 102, **ring, dstchannel="PJSIP/202-00000014", duration=s + 9, billsec=s)

    # Queue, Local legs: a card number and its read-back.
    c = call(3, "lucas")
    c.say("queue-youarenext"); c.say("hello"); c.say("vm-enter-num-to-call")
    c.digits("5500005555555559", [4, 4, 4, 4]); c.say("one-moment-please"); c.say("vm-num-i-have", 0.2)
    for d in "5500005555555559":
        c.prompt(f"digits/{d}", NAMES[int(d)])
    c.pause(0.4); c.say("auth-thankyou"); c.say("vm-goodbye")
    name = "q-700-15557654321-20240514-100220-1715695340.50.wav"
    s = file(name, c)
    queue = dict(**outside, dst="700", dcontext="ext-queues", channel="PJSIP/ITSP-00000015", lastapp="Queue",
                 recordingfile=name)
    local = dict(src="15557654321", cnum="15557654321", dcontext="from-internal", linkedid="1715695340.50")
    leg("2024-05-14 10:02:26", "1715695340.50", 103, **queue, dstchannel="Local/202@from-queue-00000003;1",
        duration=15, billsec=15, disposition="NO ANSWER")
    leg("2024-05-14 10:02:26", "1715695346.52", 104, **local, dst="202", channel="Local/202@from-queue-00000003;2",
        dstchannel="PJSIP/202-00000016", duration=15, disposition="NO ANSWER")
    leg("2024-05-14 10:02:42", "1715695340.50", 105, **queue, dstchannel="Local/201@from-queue-00000004;1",
        duration=s, billsec=s)
    leg("2024-05-14 10:02:42", "1715695362.55", 106, **local, dst="201", channel="Local/201@from-queue-00000004;2",
        dstchannel="PJSIP/201-00000017", duration=s, billsec=s - 6, recordingfile=name)

    # Queue, abandoned.
    leg("2024-05-14 10:20:00", "1715696400.60", 107, **outside, dst="700", dcontext="ext-queues",
        channel="PJSIP/ITSP-00000018", lastapp="Queue", duration=48, billsec=48)

    # Outbound: nothing to hide.
    c = call(4)
    c.say("hello"); c.say("followme/pls-hold-while-try"); c.say("sorry-youre-having-problems"); c.say("vm-goodbye")
    name = "out-915557778888-201-20240514-103144-1715697104.70.wav"
    s = file(name, c)
    leg("2024-05-14 10:31:44", "1715697104.70", 108, src="15551230000", clid='"ACME" <15551230000>', cnum="201",
        outbound_cnum="15551230000", dst="915557778888", dcontext="from-internal", channel="PJSIP/201-00000019",
        dstchannel="PJSIP/ITSP-0000001a", duration=s + 12, billsec=s, recordingfile=name)

    # Internal: nothing to hide. GSM.
    c = call(5)
    c.say("hello"); c.say("tt-weasels"); c.say("im-sorry"); c.say("vm-goodbye")
    name = "internal-202-201-20240514-104500-1715697900.80.gsm"
    s = file(name, c)
    leg("2024-05-14 10:45:00", "1715697900.80", 109, **inside, dst="202", channel="PJSIP/201-0000001b",
        dstchannel="PJSIP/202-0000001c", duration=s + 4, billsec=s, recordingfile=name)

    # No answer, then voicemail; missed; busy; failed.
    leg("2024-05-14 11:00:10", "1715698810.90", 110, **outside, dst="201", dcontext="from-did-direct",
        channel="PJSIP/ITSP-0000001d", dstchannel="PJSIP/201-0000001e", duration=15, disposition="NO ANSWER")
    leg("2024-05-14 11:00:25", "1715698810.90", 111, **outside, dst="vmu201", dcontext="ext-local",
        channel="PJSIP/ITSP-0000001d", lastapp="VoiceMail", duration=27, billsec=27)
    leg("2024-05-14 11:20:00", "1715700000.95", 112, **outside, dst="201", dcontext="from-did-direct",
        channel="PJSIP/ITSP-0000001f", dstchannel="PJSIP/201-00000020", duration=22, disposition="NO ANSWER")
    leg("2024-05-14 11:31:00", "1715700660.97", 113, **inside, dst="203", channel="PJSIP/201-00000021",
        dstchannel="PJSIP/203-00000022", duration=2, disposition="BUSY")
    leg("2024-05-14 11:32:00", "1715700720.99", 114, src="15551230000", cnum="201", outbound_cnum="15551230000",
        dst="915550001111", dcontext="from-internal", channel="PJSIP/201-00000023", dstchannel="PJSIP/ITSP-00000024",
        duration=1, disposition="FAILED")

    # Blind transfer, two recordings: a date of birth, then an SSN.
    c = call(6)
    c.say("hello"); c.prompt("your", "Your"); c.spell("DOB"); c.prompt("is", "is", gap=0.4)
    c.spoken([("digits/mon-2", "March"), ("digits/h-9", "ninth"), ("digits/19", "nineteen"), ("digits/80", "eighty"),
              ("digits/4", "four")])
    c.say("auth-thankyou"); c.say("transfer")
    first = "external-201-15557654321-20240514-130500-1715706300.110.wav"
    s1 = file(first, c)
    c = call(7, "nicolas")
    c.say("hello"); c.prompt("your", "Your"); c.spell("SSN"); c.prompt("is", "is", gap=0.4)
    c.digits("078051120", [3, 2, 4]); c.say("one-moment-please"); c.say("vm-goodbye")
    second = "external-202-15557654321-20240514-130500-1715706300.110.wav"
    s2 = file(second, c)
    transfer = dict(**outside, channel="PJSIP/ITSP-00000025")
    leg("2024-05-14 13:05:00", "1715706300.110", 115, **transfer, dst="201", dcontext="from-did-direct",
        dstchannel="PJSIP/201-00000026", duration=s1 + 7, billsec=s1, recordingfile=first)
    leg("2024-05-14 13:06:02", "1715706300.110", 116, **transfer, dst="202", dcontext="from-internal-xfer",
        dstchannel="PJSIP/202-00000027", duration=s2, billsec=s2, recordingfile=second)

    # Keyed digits. µ-law.
    c = call(8)
    c.say("confbridge-pin"); c.dtmf("80241#"); c.say("auth-thankyou"); c.say("vm-goodbye")
    name = "external-201-15557650001-20240514-141500-1715710500.112.ulaw"
    s = file(name, c)
    leg("2024-05-14 14:15:00", "1715710500.112", 117, **{**outside, "src": "15557650001", "cnum": "15557650001"},
        dst="201", dcontext="from-did-direct", channel="PJSIP/ITSP-00000028", dstchannel="PJSIP/201-00000029",
        duration=s + 5, billsec=s, recordingfile=name)

    # A spelled e-mail address. A-law.
    c = call(9)
    c.say("hello"); c.say("vm-num-i-have", 0.3)
    c.letters("jo"); c.prompt("letters/dot", "dot", "customer"); c.letters("lee")
    c.prompt("letters/at", "at", "customer"); c.letters("acme"); c.prompt("letters/dot", "dot", "customer")
    c.spell("io", "customer"); c.pause(0.5); c.say("auth-thankyou"); c.say("vm-goodbye")
    name = "external-202-15557650002-20240514-143000-1715711400.114.alaw"
    s = file(name, c)
    leg("2024-05-14 14:30:00", "1715711400.114", 118, **{**outside, "src": "15557650002", "cnum": "15557650002"},
        dst="202", dcontext="from-did-direct", channel="PJSIP/ITSP-0000002a", dstchannel="PJSIP/202-0000002b",
        duration=s + 5, billsec=s, recordingfile=name)

    # On demand: nothing to hide. Signed linear.
    c = call(10)
    c.say("hello"); c.say("queue-callswaiting"); c.say("vm-nobodyavail"); c.say("vm-goodbye")
    name = "ondemand-201-15557654321-20240515-144000-1715798400.150.sln"
    s = file(name, c)
    leg("2024-05-15 14:40:00", "1715798400.150", 123, **outside, dst="201", dcontext="from-did-direct",
        channel="PJSIP/ITSP-0000002f", dstchannel="PJSIP/201-00000030", duration=s + 8, billsec=s, recordingfile=name)

    # A card number in GSM.
    c = call(11, "theo")
    c.say("hello"); c.say("vm-enter-num-to-call"); c.digits("371449635398431", [4, 6, 5]); c.say("auth-thankyou")
    name = "external-201-15557650003-20240515-090000-1715778000.160.gsm"
    s = file(name, c)
    leg("2024-05-15 09:00:00", "1715778000.160", 124, **{**outside, "src": "15557650003", "cnum": "15557650003"},
        dst="201", dcontext="from-did-direct", channel="PJSIP/ITSP-00000031", dstchannel="PJSIP/201-00000032",
        duration=s + 6, billsec=s, recordingfile=name)

    # A phone number, which stays, and a password, which does not.
    c = call(12, "yweweler")
    c.say("privacy-prompt"); c.digits("5550142", [3, 4]); c.say("auth-thankyou"); c.say("vm-password", 0.1)
    c.prompt("is", "is", gap=0.2)
    for k, w in (("z", "zulu"), ("t", "tango"), ("k", "kilo")):
        c.prompt(f"phonetic/{k}_p", w, "customer")
    c.pause(1.2); c.say("vm-goodbye")
    name = "external-203-15557650004-20240515-101500-1715782500.170.wav"
    s = file(name, c)
    leg("2024-05-15 10:15:00", "1715782500.170", 125, **{**outside, "src": "15557650004", "cnum": "15557650004"},
        dst="203", dcontext="from-did-direct", channel="PJSIP/ITSP-00000033", dstchannel="PJSIP/203-00000034",
        duration=s + 6, billsec=s, recordingfile=name)

    # Outbound with an expiry date.
    c = call(13, "george")
    c.say("hello"); c.prompt("your", "Your"); c.spell("EXP"); c.prompt("is", "is", gap=0.4); c.digits("1128", [2, 2])
    c.say("auth-thankyou"); c.say("demo-thanks")
    name = "out-915557779999-202-20240515-110000-1715785200.180.wav"
    s = file(name, c)
    leg("2024-05-15 11:00:00", "1715785200.180", 126, src="15551230000", clid='"ACME" <15551230000>', cnum="202",
        outbound_cnum="15551230000", dst="915557779999", dcontext="from-internal", channel="PJSIP/202-00000035",
        dstchannel="PJSIP/ITSP-00000036", duration=s + 12, billsec=s, recordingfile=name)

    with open(f"{out}/cdr.csv", "w", newline="") as f:
        w = csv.DictWriter(f, COLUMNS, lineterminator="\n")
        w.writeheader()
        w.writerows(rows)


if __name__ == "__main__":
    main()
