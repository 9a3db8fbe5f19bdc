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
	fmt.Fprintln(table, "\npublication\tof\tsource\tcodec\tlayer\tlast\tlevel\ttaps\tseats\tstate")
	for _, p := range peers {
		for _, pub := range r.publications {
			if pub.peer == p {
				pub.describe(table, now)
			}
		}
	}
	fmt.Fprintln(table, "\nseat\tof\tkind\tshows\tof\tpackets\tbytes\tpath\tstate")
	for _, p := range peers {
		for _, s := range *p.seats.Load() {
			s.describe(table)
		}
	}
	_ = table.Flush() // a Builder takes everything
}

func (pub *publication) describe(to *tabwriter.Writer, now time.Time) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	for _, l := range pub.layers {
		state := "waits"
		if l == pub.current {
			state = "forwarded"
		}
		if pub.muted {
			state += ", muted"
		}
		if l.keyframeWanted.Load() {
			state += ", keyframe asked for"
		}
		level := "-"
		if pub.loudness != nil {
			level = fmt.Sprint(pub.loudness.at(now))
		}
		last := "never"
		if !l.heard.IsZero() {
			last = now.Sub(l.heard).Round(time.Millisecond).String()
		}
		fmt.Fprintf(to, "%s\t#%d\t%s\t%s\t%d\t%s\t%s\t%d\t%d\t%s\n", pub.track.ID, pub.peer.cfg.Number, pub.source,
			pub.codec.mime, l.rank, last, level, len(pub.taps), len(*pub.seats.Load()), state)
	}
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
	state := "flows"
	switch {
	case s.source == nil:
		state = "empty"
	case s.starting:
		state = "waits for a keyframe"
	}
	fmt.Fprintf(to, "%s\t#%d\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", s.mid, s.peer.cfg.Number, s.kind, shows, of, s.packets, s.octets, way, state)
}
