package sfu

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/parley/parley"
)

// Describe tells how one meeting's media is doing, as text for the operator: who publishes what in
// which layers, and who sits in which seat. It names nobody: participants are numbers. False when the
// meeting's room is not open here.
func (s *SFU) Describe(id parley.MeetingID) (string, bool) {
	s.mu.Lock()
	r := s.rooms[id]
	s.mu.Unlock()
	if r == nil {
		return "", false
	}
	var text strings.Builder
	if !r.do(func() { r.describe(&text, time.Now()) }) {
		return "", false
	}
	return text.String(), true
}

// describe is called by the loop.
func (r *Room) describe(to *strings.Builder, now time.Time) {
	peers := make([]*Peer, 0, len(r.peers))
	for _, p := range r.peers {
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b *Peer) int { return int(a.cfg.Number) - int(b.cfg.Number) })
	fmt.Fprintf(to, "meeting %s: %d peers, %d publications\n", r.id, len(peers), len(r.publications))
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\npublication\tof\tsource\tcodec\tlayer\tsize\tkbit/s\tlast\tlevel\ttaps\tseats\tstate")
	for _, p := range peers {
		for _, pub := range r.publications {
			if pub.peer == p {
				pub.describe(table, now)
			}
		}
	}
	fmt.Fprintln(table, "\nseat\tof\tkind\tshows\tof\tlayer\tshown at\tpackets\tbytes\tpath\tstate")
	for _, p := range peers {
		for _, s := range *p.seats.Load() {
			s.describe(table)
		}
	}
	fmt.Fprintln(table, "\nway to\testimate\tnumbered\tlossy")
	for _, p := range peers {
		p.describe(table, now)
	}
	_ = table.Flush() // a Builder takes everything
}

func (pub *publication) describe(to *tabwriter.Writer, now time.Time) {
	level := "-"
	if pub.loudness != nil {
		level = fmt.Sprint(pub.loudness.at(now))
	}
	for _, l := range pub.allLayers() {
		state := "flows"
		if !l.meter.delivers(now) {
			state = "silent"
		}
		if pub.muted {
			state += ", muted"
		}
		if l.keyframeWanted.Load() {
			state += ", keyframe asked for"
		}
		of := l.meter.pictureSize()
		fmt.Fprintf(to, "%s\t#%d\t%s\t%s\t%s\t%dx%d\t%d\t%v\t%s\t%d\t%d\t%s\n", pub.track.ID, pub.peer.cfg.Number, pub.source,
			pub.codec.mime, l.name(), of.width, of.height, pub.rate(l), l.meter.silent(now).Round(time.Millisecond), level,
			len(pub.joined.taps), len(*pub.seats.Load()), state)
	}
}

// name tells the layers of one publication apart.
func (l *layer) name() string {
	if l.rid == "" {
		return "-"
	}
	return l.rid
}

// rate is what the layer costs whole, in kbit/s; 0 when that was not measured yet.
func (pub *publication) rate(l *layer) int {
	rate := 0
	for _, r := range *pub.rungs.Load() {
		if r.layer == l {
			rate = r.rate
		}
	}
	return rate / 1000
}

func (s *seat) describe(to *tabwriter.Writer) {
	shows, of := parley.TrackID("-"), "-"
	if s.occupant != nil {
		shows, of = s.occupant.track.ID, fmt.Sprintf("#%d", s.occupant.peer.cfg.Number)
	}
	way := "not connected"
	if chosen := s.peer.path.Load(); chosen != nil {
		way = "pion"
		if chosen.own {
			way = "own"
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state, layer := "flows", "-"
	switch {
	case s.source == nil:
		state = "empty"
	case s.paused:
		state = "paused: " + string(PausedBandwidth)
	case s.current == nil:
		state = "waits for a keyframe"
	default:
		layer = s.current.name()
	}
	fmt.Fprintf(to, "%s\t#%d\t%s\t%s\t%s\t%s\t%dx%d\t%d\t%d\t%s\t%s\n", s.mid, s.peer.cfg.Number, s.kind, shows, of, layer,
		s.shown.width, s.shown.height, s.packets, s.octets, way, state)
}

// describe tells what is known of the way to a browser.
func (p *Peer) describe(to *tabwriter.Writer, now time.Time) {
	budget, limited := p.bandwidth.budget(now)
	estimate := "no limit met"
	if limited {
		estimate = fmt.Sprintf("%d kbit/s", int(budget)/1000)
	}
	fmt.Fprintf(to, "#%d\t%s\t%v\t%v\n", p.cfg.Number, estimate, p.stamps.Load(), p.lossy.Load())
}
