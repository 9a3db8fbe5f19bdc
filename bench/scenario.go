package bench

import (
	"fmt"
	"strings"
)

// Scenario says who sends and who receives what.
type Scenario string

// The scenarios.
const (
	// Streams: some publishers, and subscribers that receive all of them.
	Streams Scenario = "streams"
	// Meeting: everybody sends sound and pictures and receives everybody else's.
	Meeting Scenario = "meeting"
	// AudioRoom: some talk, everybody listens, nobody is seen.
	AudioRoom Scenario = "audio-room"
	// Livestream: one publisher, many subscribers.
	Livestream Scenario = "livestream"
	// LargeRoom: some send pictures, some talk, everybody sees one of them and hears the talkers.
	LargeRoom Scenario = "large-room"
	// Churn: people join and leave all the time; RunChurn holds it.
	Churn Scenario = "churn"
)

// Scenarios lists all.
func Scenarios() []Scenario {
	return []Scenario{Streams, Meeting, AudioRoom, Livestream, LargeRoom, Churn}
}

// Size is how large a scenario is. Zero fields mean the scenario's default; a field that the scenario
// has no use for is a fault.
type Size struct {
	Participants int // Meeting, AudioRoom, LargeRoom: all, senders included; Churn: as many as there are at a time
	Publishers   int // Streams
	Subscribers  int // Streams, Livestream
	Talkers      int // AudioRoom, LargeRoom, Churn
	Cameras      int // LargeRoom, Churn
	VideoKbps    int // of each camera; all but AudioRoom
}

// defaultSize is what a scenario's zero fields mean.
func (s Scenario) defaultSize() Size {
	switch s {
	case Streams:
		return Size{Publishers: 2, Subscribers: 10, VideoKbps: 1500}
	case Meeting:
		return Size{Participants: 5, VideoKbps: 300}
	case AudioRoom:
		return Size{Participants: 50, Talkers: 3}
	case Livestream:
		return Size{Subscribers: 100, VideoKbps: 1500}
	case LargeRoom:
		return Size{Participants: 300, Talkers: 4, Cameras: 12, VideoKbps: 150}
	case Churn:
		return Size{Participants: 60, Talkers: 3, Cameras: 6, VideoKbps: 150}
	}
	return Size{}
}

// maxParticipants bounds a run: a publisher's number is 16 bits in its packets.
const maxParticipants = 10_000

// fill puts defaults in the place of zeroes, and reports what does not go with the scenario.
func (s Scenario) fill(size Size) (Size, error) {
	otherwise := s.defaultSize()
	if otherwise == (Size{}) {
		names := make([]string, 0, len(Scenarios()))
		for _, each := range Scenarios() {
			names = append(names, string(each))
		}
		return size, invalid("there is no scenario %q; there are %s", s, strings.Join(names, ", "))
	}
	for _, field := range []struct {
		name  string
		value *int
		usual int
		least int
	}{
		{"participants", &size.Participants, otherwise.Participants, 2},
		{"publishers", &size.Publishers, otherwise.Publishers, 1},
		{"subscribers", &size.Subscribers, otherwise.Subscribers, 1},
		{"talkers", &size.Talkers, otherwise.Talkers, 1},
		{"cameras", &size.Cameras, otherwise.Cameras, 1},
		{"video-kbps", &size.VideoKbps, otherwise.VideoKbps, 10},
	} {
		switch v := *field.value; {
		case v == 0:
			*field.value = field.usual
		case field.usual == 0:
			return size, invalid("--%s has no meaning in %s", field.name, s)
		case v < field.least || v > 100_000 || field.name != "video-kbps" && v > maxParticipants:
			return size, invalid("--%s %d is out of range", field.name, v)
		}
	}
	if most := max(size.Talkers, size.Cameras); most > size.Participants {
		return size, invalid("%d participants cannot have %d talkers or cameras", size.Participants, most)
	}
	return size, nil
}

// participant is one of the plan: what they send and what they expect.
type participant struct {
	number       int // also the publisher in stamps
	name         string
	talks, shows bool
	hears        []int // whose sound, by number
	sees         []int // whose pictures
	audible      int   // how many voices at most at a time

	begun bool // owned by the run: their streams have been started
}

// sends reports whether the participant publishes anything.
func (p *participant) sends() bool { return p.talks || p.shows }

// receives reports whether the participant expects anything.
func (p *participant) receives() bool { return len(p.hears)+len(p.sees) > 0 }

// voices is how many voices the participant hears at the same time.
func (p *participant) voices() int { return min(len(p.hears), p.audible) }

// plan lays out a scenario of a filled size. voices is how many a participant can hear at a time.
func (s Scenario) plan(size Size, voices int) []participant {
	total := size.Participants
	if s == Streams || s == Livestream {
		total = max(size.Publishers, 1) + size.Subscribers
	}
	everybody := make([]participant, total)
	for i := range everybody {
		p := &everybody[i]
		p.number, p.name, p.audible = i, fmt.Sprintf("p%d", i), voices
		switch s {
		case Meeting:
			p.talks, p.shows = true, true
		case AudioRoom:
			p.talks = i < size.Talkers
		case LargeRoom, Churn:
			p.talks, p.shows = i < size.Talkers, i < size.Cameras
		case Streams, Livestream:
			p.shows = i < max(size.Publishers, 1)
		}
	}
	for i := range everybody {
		everybody[i].watch(s, everybody)
	}
	return everybody
}

// watch fills in what p expects of the others.
func (p *participant) watch(s Scenario, everybody []participant) {
	publisherOnly := p.shows && (s == Streams || s == Livestream)
	var cameras []int
	for i := range everybody {
		other := &everybody[i]
		if i == p.number || publisherOnly {
			continue
		}
		if other.talks {
			p.hears = append(p.hears, i)
		}
		if other.shows {
			cameras = append(cameras, i)
		}
	}
	if s == LargeRoom && len(cameras) > 1 { // one tile each, spread over those there are
		cameras = []int{cameras[p.number%len(cameras)]}
	}
	p.sees = cameras
}
