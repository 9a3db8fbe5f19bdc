package sfu

import (
	"encoding/binary"
	"math/bits"
)

// dependency is what an AV1 dependency descriptor says of its packet (AV1 RTP, appendix A). Its first
// three bytes are all that changes on the way: |S|E| template 6 bits | frame number 16 bits |.
type dependency struct {
	place place
	frame uint16
	key   bool // it carries a structure, as the first packet of a keyframe does
}

// dependencyFixed is how many bytes every descriptor has.
const dependencyFixed = 3

// maxTemplates is how many templates a structure can have: their ids have six bits.
const maxTemplates = 64

// structure is what descriptors refer to from a keyframe to the next: the layers of each template, and
// the size of each spatial layer.
type structure struct {
	offset    uint8 // id of the first template
	templates []place
	sizes     [4]size // of the spatial layers; zero when not told
}

// largest is the size of the whole picture, zero when not told.
func (s *structure) largest() size {
	for k := len(s.sizes) - 1; k >= 0; k-- {
		if s.sizes[k] != (size{}) {
			return s.sizes[k]
		}
	}
	return size{}
}

// size is that of a picture, in pixels.
type size struct{ width, height int }

// parseDependency reads a descriptor. known is the structure in force, nil before the first; the
// structure to use from here on is returned, which is known unless the descriptor brings another. False
// for a descriptor that is cut short or refers to nothing.
func parseDependency(b []byte, known *structure) (d dependency, now *structure, ok bool) {
	if len(b) < dependencyFixed {
		return d, known, false
	}
	now = known
	if len(b) > dependencyFixed && b[dependencyFixed]&0x80 != 0 {
		r := &bitReader{b: b, at: 8*dependencyFixed + 5} // behind the five flags
		if now = r.structure(); now == nil {
			return d, known, false
		}
		d.key = true
	}
	if now == nil {
		return d, known, false
	}
	template := int(b[0]&0x3F-now.offset) & 0x3F
	if template >= len(now.templates) {
		return d, known, false
	}
	d.place = now.templates[template]
	d.place.begins, d.place.ends = b[0]&0x80 != 0, b[0]&0x40 != 0
	d.frame = binary.BigEndian.Uint16(b[1:])
	return d, now, true
}

// bitReader reads bits, the most significant first. Reading past the end yields zeros and sets short.
type bitReader struct {
	b     []byte
	at    int // in bits
	short bool
}

func (r *bitReader) read(n int) (v int) {
	for range n {
		v <<= 1
		if r.at >= 8*len(r.b) {
			r.short = true
			continue
		}
		v |= int(r.b[r.at/8]>>(7-r.at%8)) & 1
		r.at++
	}
	return v
}

// nonSymmetric reads a number below n in as few bits as that takes, ns(n) of the specification.
func (r *bitReader) nonSymmetric(n int) int {
	width := bits.Len(uint(n))
	short := 1<<width - n
	v := r.read(width - 1)
	if v < short {
		return v
	}
	return v<<1 - short + r.read(1)
}

// structure reads template_dependency_structure(); nil when it ends early or cannot be.
func (r *bitReader) structure() *structure {
	s := &structure{offset: uint8(r.read(6))}
	targets := r.read(5) + 1
	var layer place
	for next := 0; next != 3; {
		if len(s.templates) == maxTemplates || r.short {
			return nil
		}
		s.templates = append(s.templates, layer)
		switch next = r.read(2); next {
		case 1:
			layer.temporal++
		case 2:
			layer.temporal = 0
			layer.spatial++
		}
		if layer.spatial > 3 {
			return nil
		}
	}
	if r.indications(s, targets); r.short {
		return nil
	}
	for range s.templates {
		for r.read(1) == 1 && !r.short {
			r.read(4) // how many frames ago one that it needs was
		}
	}
	if chains := r.nonSymmetric(targets + 1); chains > 0 {
		for range targets {
			r.nonSymmetric(chains)
		}
		r.read(4 * chains * len(s.templates))
	}
	if r.read(1) == 1 {
		for k := range layer.spatial + 1 {
			s.sizes[k] = size{r.read(16) + 1, r.read(16) + 1}
		}
	}
	if r.short {
		return nil
	}
	return s
}

// indications reads what each template is to each decode target, for one thing alone: a template that is
// a switch for a target whose highest temporal layer is its own lets a subscriber climb there.
func (r *bitReader) indications(s *structure, targets int) {
	const absent, switching = 0, 2
	if r.at+2*len(s.templates)*targets > 8*len(r.b) {
		r.short = true
		return
	}
	table := make([]int, len(s.templates)*targets)
	for i := range table {
		table[i] = r.read(2)
	}
	for target := range targets {
		var highest uint8
		for k, t := range s.templates {
			if table[k*targets+target] != absent {
				highest = max(highest, t.temporal)
			}
		}
		for k := range s.templates {
			if table[k*targets+target] == switching && s.templates[k].temporal == highest {
				s.templates[k].climbs = true
			}
		}
	}
}
