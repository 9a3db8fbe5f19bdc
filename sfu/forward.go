package sfu

import "time"

// forward sends p, of layer l, to the browser of this seat, if it is what is to be seen or heard here.
// Called with l.mu held.
func (s *seat) forward(l *layer, p *packet, out *outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open(l) {
		return
	}
	marker := p.marker
	if s.current != l {
		if !s.mayBegin(l, p) {
			return
		}
		s.begin(l, p)
		marker = marker || s.audio // a talkspurt begins (RFC 3551 §4.1)
	}
	if !s.passes(p) {
		// VP8 pictures are counted without those left out; VP9 and AV1 tell what they need themselves.
		s.rewriter.leaveOut(p.number, p.place.begins && p.picture.length > 0)
		return
	}
	if s.hurried && p.timestamp != s.rewriter.newestTimestamp() {
		s.rewriter.restamp(p.timestamp, s.timeOf(l, p))
		s.hurried = false
	}
	at, ok := s.rewriter.place(p.number, p.at(), p.arrived)
	if !ok {
		return
	}
	// Of the frames of one picture the last that passes ends it.
	marker = marker || p.place.ends && p.place.spatial == s.spatial
	s.send(l, p, at, marker, out)
}

// mayBegin reports whether layer l may take over with p: with a keyframe, and as the layer that is wanted.
// When nothing has passed yet, a smaller one will do until that comes.
func (s *seat) mayBegin(l *layer, p *packet) bool {
	wanted := s.target.layer
	return p.keyframe && (wanted == nil || wanted == l || s.current == nil && l.rank >= wanted.rank)
}

// open reports whether packets of layer l may pass at all; mu is held. Before the connection stands a packet
// would be lost: the stream begins with the keyframe after it.
func (s *seat) open(l *layer) bool {
	return s.source == l.pub && !s.paused && s.writer != nil && s.route.path.Load() != nil && !s.route.withheld.Load()
}

// begin lets layer l take over with p.
func (s *seat) begin(l *layer, p *packet) {
	s.beginAt(l, p, s.timeOf(l, p))
}

// beginAt is begin where p has this RTP time in the seat's stream.
func (s *seat) beginAt(l *layer, p *packet, timestamp uint32) {
	if !s.audio && s.history == nil {
		s.history = &history{}
	}
	s.rewriter.begin(p.number, p.at(), timestamp)
	if s.history != nil {
		s.stint = s.history.begin(l)
	}
	s.current, s.spatial, s.temporal = l, s.target.spatial, s.target.temporal
}

// timeOf is the RTP time that p of layer l has in the seat's stream when l takes over: by what the browser was
// told of the stream, and the publisher of l, where both is known, else by when p arrived.
func (s *seat) timeOf(l *layer, p *packet) uint32 {
	arrives := s.rewriter.timeOf(p.arrived)
	told, known := s.clock(p.arrived)
	now, known2 := l.captured(p.arrived)
	if s.audio || !known || !known2 {
		return arrives // of a voice a shift would be heard
	}
	// Reports that contradict what has been seen are not believed.
	timestamp := p.timestamp - now + told
	if off := int32(timestamp - arrives); max(off, -off) > int32(s.rewriter.clockRate) {
		return arrives
	}
	return timestamp
}

// clock is the RTP time in the seat's stream of what is captured now; false when nothing has told yet. It runs
// on while nothing passes, and when somebody else sits down: a browser reckons with its reports of the last
// twenty seconds and more, and holds back the sound by as much as the picture seems late.
func (s *seat) clock(now time.Time) (timestamp uint32, known bool) {
	if s.current != nil && !s.hurried {
		if timestamp, known = s.current.captured(now); known {
			return timestamp + s.rewriter.delta.timestamp, true
		}
	}
	return s.reported.timestamp + ticks(now.Sub(s.reported.at), s.rewriter.clockRate), !s.reported.at.IsZero()
}

// passes reports whether p is within the layers that pass, and moves these towards the target where that
// shows no fault: down at the next picture, up in time where the stream says so, up in space at a
// keyframe.
func (s *seat) passes(p *packet) bool {
	if p.place.begins && p.place.spatial == 0 {
		s.spatial = min(s.spatial, s.target.spatial)
		if p.keyframe {
			s.spatial, s.temporal = s.target.spatial, s.target.temporal
		}
		s.temporal = min(s.temporal, s.target.temporal)
		if p.place.climbs && p.place.temporal <= s.target.temporal {
			s.temporal = max(s.temporal, p.place.temporal)
		}
	}
	return p.place.spatial <= s.spatial && p.place.temporal <= s.temporal
}

// send writes p, which goes out at at, to out; mu is held.
func (s *seat) send(l *layer, p *packet, at position, marker bool, out *outgoing) {
	out.head = head{ssrc: s.ssrc, payload: s.format.payload, marker: marker, seq: at.seq, timestamp: at.timestamp}
	if s.audio {
		// Whose voice it is, and how loud: the participant's number as CSRC (RFC 3550 §5.1).
		out.head.csrc = l.pub.peer.cfg.Number
		if len(p.level) == 1 {
			out.head.level = p.level
		}
	} else if len(p.dependency) > 0 {
		out.head.dependency, out.head.frame = p.dependency, at.frame
	}
	if s.history != nil {
		s.history.note(at, p.number, marker, s.stint)
	}
	s.packets++
	s.octets += uint32(len(p.payload))
	s.transmit(&s.media, out, nil, p, at)
}

// serve gives the seat the pictures since the layer's last keyframe, when they are few: a joiner sees at
// once what it would otherwise have to ask a keyframe for. It reports whether it did.
func (l *layer) serve(s *seat, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	run := int64(0)
	if l.ring != nil && l.run.count == 0 {
		run = l.ring.sinceKeyframe()
	}
	if run == 0 || run > mostServed {
		return false
	}
	out := l.pub.peer.room.sfu.lend(now)
	// The newest picture keeps the time it was taken, and the earlier ones come a millisecond apart before it.
	// Where the last one of somebody else was taken later, all come after that.
	left := l.ring.picturesSinceKeyframe()
	end := s.resumes(l, left-1)
	var before *packet
	for number := l.ring.keyframe; number <= l.ring.newest; number++ {
		p := l.ring.kept(number)
		if p == nil {
			continue
		}
		if before == nil || p.timestamp != before.timestamp {
			left--
			s.hurry(l, p, end-uint32(left)*hurriedTicks)
		}
		s.forward(l, p, out)
		before = p
	}
	l.pub.peer.room.sfu.giveBack(out)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried = s.current == l
	return s.hurried
}

// hurry has an old picture of layer l, which p begins, go out at once, and gives it this RTP time.
func (s *seat) hurry(l *layer, p *packet, timestamp uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.open(l):
	case s.current == l:
		s.rewriter.restamp(p.timestamp, timestamp)
	case s.mayBegin(l, p):
		s.beginAt(l, p, timestamp)
	}
}

// resumes is the RTP time that the newest picture of layer l has in the seat's stream when so many earlier ones
// go out with it.
func (s *seat) resumes(l *layer, earlier int) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	timestamp := s.timeOf(l, l.ring.kept(l.ring.newest))
	if s.rewriter.arrived.IsZero() {
		timestamp += uint32(earlier) * hurriedTicks // nothing before
	}
	return timestamp
}

const (
	// mostServed is how many packets since the last keyframe a joiner is given at most: they come at once,
	// and a browser that is busy with old pictures is late with new ones.
	mostServed = 60
	// hurriedTicks is how far apart such pictures are: a millisecond, at the clock of video.
	hurriedTicks = 90
)
