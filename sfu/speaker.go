package sfu

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// Loudness is 0 (silence) to 127 (full scale): 127 minus the level of RFC 6464, which is -dBov.
const (
	// talking is the loudness above which somebody may take a voice from another: -50 dBov. Rooms
	// hum at -60 and below; people speak at -40 to -20.
	talking = 77
	// louder is by how much, in dB, a talker has to be above the quietest voice to take it: twice as
	// loud to the ear is 10, one person over another's pause is more.
	louder = 6
	// voiceHold is how long a voice is safe: words are not cut by a cough.
	voiceHold = time.Second
	// voiceSilence is after how long without a packet somebody counts as silent (DTX sends one in
	// 400 ms).
	voiceSilence = 500 * time.Millisecond
	// voiceInterval is how often voices are given while there are more talkers than voices; a new
	// talker's first syllable lasts longer.
	voiceInterval = 50 * time.Millisecond
	// unmetered is the loudness of a packet without a level: taken for speech.
	unmetered = 87
)

// loudness follows how loud somebody is: up within three packets (60 ms), down within a dozen, so
// that a pause between words is not the end of speech.
type loudness struct {
	smooth uint32 // loudness in 1/256; owned by the publication

	// atomic
	level atomic.Uint32 // smooth, for the room's loop
	heard atomic.Int64  // Unix nanoseconds of the newest packet
}

// hear takes the level of one packet.
func (l *loudness) hear(p *packet) {
	target := uint32(unmetered) << 8
	if len(p.level) == 1 {
		target = uint32(127-p.level[0]&0x7F) << 8
	}
	if target > l.smooth {
		l.smooth += (target - l.smooth) / 2
	} else {
		l.smooth -= (l.smooth - target) / 8
	}
	l.level.Store(l.smooth)
	l.heard.Store(p.arrived.UnixNano())
}

// at is the loudness now.
func (l *loudness) at(now time.Time) int {
	if now.UnixNano()-l.heard.Load() > int64(voiceSilence) {
		return 0
	}
	return int(l.level.Load() >> 8)
}

// talker is one unmuted audio publication as it is when voices are given.
type talker struct {
	pub      *publication
	loudness int
}

// rankTalkers puts the loudest first; equals by who came first, so that every subscriber gets the
// same.
func rankTalkers(talkers []talker) {
	slices.SortFunc(talkers, func(a, b talker) int {
		return cmp.Or(b.loudness-a.loudness, cmp.Compare(a.pub.track.ID, b.pub.track.ID))
	})
}

// assign says who is to have each of a subscriber's voices, where voices[k] and preferred[k] are
// who has voice k and who sits in video seat k. talkers are ranked and without the subscriber's own.
// It changes as little as it can:
//
//   - nobody keeps a voice who is not among the talkers any more;
//   - while there are no more talkers than voices, all have one;
//   - a free voice goes to the loudest without one, if possible beside their own video;
//   - a taken voice goes to a talker who is clearly louder, and to anybody who talks when its owner
//     does not; never within voiceHold.
func assign(voices []voice, talkers []talker, now time.Time) {
	loudness := func(pub *publication) (int, bool) {
		for _, t := range talkers {
			if t.pub == pub {
				return t.loudness, true
			}
		}
		return 0, false
	}
	quietest := func() (int, int) {
		found, level := -1, 0
		for k, v := range voices {
			if now.Sub(v.since) < voiceHold {
				continue
			}
			if l, _ := loudness(v.pub); found < 0 || l < level {
				found, level = k, l
			}
		}
		return found, level
	}
	seated := func(pub *publication) bool {
		return slices.ContainsFunc(voices, func(v voice) bool { return v.pub == pub })
	}
	for k := range voices {
		if _, ok := loudness(voices[k].pub); !ok {
			voices[k].pub = nil
		}
	}
	for _, t := range talkers {
		if seated(t.pub) {
			continue
		}
		k := freeVoice(voices, t.pub)
		if k < 0 {
			if t.loudness < talking {
				return // nor is anybody after this one
			}
			var level int
			k, level = quietest()
			if k < 0 || level >= talking && t.loudness < level+louder {
				return
			}
		}
		voices[k].pub, voices[k].since = t.pub, now
	}
}

// voice is one audio seat while voices are given.
type voice struct {
	pub   *publication // or nil
	since time.Time
	video *publication // who sits in the video seat of the same number, or nil
}

// freeVoice finds a free voice, the one beside pub's video if that is free; -1 when there is none.
func freeVoice(voices []voice, pub *publication) int {
	found := -1
	for k, v := range voices {
		if v.pub != nil {
			continue
		}
		if v.video != nil && v.video.peer == pub.peer {
			return k
		}
		if found < 0 {
			found = k
		}
	}
	return found
}
