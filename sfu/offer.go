package sfu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/parley/parley"
)

const (
	// maxOfferBytes bounds the work an offer can make: Chromium's 68 m-lines with every codec it has
	// are 324 kB.
	maxOfferBytes = 512 << 10
	// maxLines bounds the m-lines of one offer: a grid of 100 and what goes with it.
	maxLines = 128
	// maxIDBytes bounds a MID and a RID; browsers use a few digits.
	maxIDBytes = 32
	// mostRIDs bounds the encodings of one line; browsers send three.
	mostRIDs = 8
)

// direction is what the browser does with an m-line.
type direction string

// The directions (RFC 8866 §6.7).
const (
	sendOnly direction = "sendonly"
	recvOnly direction = "recvonly"
	inactive direction = "inactive"
)

// line is one m-line of an offer.
type line struct {
	mid       string
	kind      parley.MediaKind
	direction direction
	rids      []string // simulcast encodings in the order offered, the largest first; nil for one
	// resends has the SSRC of the retransmissions of an SSRC, where the offer says so (RFC 5576 §4.2).
	resends map[uint32]uint32
}

// invalid is a refusal that says what is wrong with an offer.
func invalid(format string, args ...any) error {
	return &parley.Error{Op: "answer offer", Kind: parley.Invalid, Say: fmt.Sprintf(format, args...)}
}

// parseOffer reads the m-lines of an offer and refuses what this server has no use for, so that
// little is left for Pion to refuse halfway.
func parseOffer(text string) ([]line, error) {
	if len(text) > maxOfferBytes {
		return nil, &parley.Error{
			Op: "answer offer", Kind: parley.TooLarge,
			Say: fmt.Sprintf("The offer is larger than %d kB.", maxOfferBytes>>10),
		}
	}
	var offer sdp.SessionDescription
	if err := offer.UnmarshalString(text); err != nil {
		return nil, &parley.Error{
			Op: "answer offer", Kind: parley.Invalid, Say: "The offer is not a session description.", Err: err,
		}
	}
	if len(offer.MediaDescriptions) == 0 {
		return nil, invalid("The offer has no media.")
	}
	if len(offer.MediaDescriptions) > maxLines {
		return nil, &parley.Error{
			Op: "answer offer", Kind: parley.TooLarge,
			Say: fmt.Sprintf("The offer has more than %d media lines.", maxLines),
		}
	}
	lines := make([]line, 0, len(offer.MediaDescriptions))
	for _, media := range offer.MediaDescriptions {
		l, err := parseLine(media)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(lines, func(other line) bool { return other.mid == l.mid }) {
			return nil, invalid("The offer uses the same MID twice.")
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// parseLine reads one m-line.
func parseLine(media *sdp.MediaDescription) (line, error) {
	mid, _ := media.Attribute(sdp.AttrKeyMID)
	l := line{mid: mid, kind: parley.MediaKind(media.MediaName.Media)}
	if mid == "" || len(mid) > maxIDBytes || strings.ContainsAny(mid, " \t") {
		return line{}, invalid("Every media line of the offer needs a MID of 1 to %d characters.", maxIDBytes)
	}
	if l.kind != parley.Audio && l.kind != parley.Video {
		return line{}, invalid("The offer has a media line that is neither audio nor video.")
	}
	for _, d := range []direction{sendOnly, recvOnly, inactive} {
		if _, ok := media.Attribute(string(d)); ok {
			l.direction = d
		}
	}
	if l.direction == "" {
		return line{}, invalid("Media line %s of the offer must either send or receive.", mid)
	}
	for _, a := range media.Attributes {
		if a.Key == "ssrc-group" {
			l.pair(a.Value)
		}
		if a.Key == sdp.AttrKeyCandidate {
			if err := checkCandidate(a.Value); err != nil {
				return line{}, err
			}
		}
		if a.Key != "rid" {
			continue
		}
		rid, way, _ := strings.Cut(a.Value, " ")
		if len(rid) > maxIDBytes {
			return line{}, invalid("A RID of the offer is longer than %d characters.", maxIDBytes)
		}
		if strings.HasPrefix(way, "send") {
			l.rids = append(l.rids, rid)
		}
		if len(l.rids) > mostRIDs {
			return line{}, invalid("Media line %s of the offer has more than %d encodings.", l.mid, mostRIDs)
		}
	}
	return l, nil
}

// pair reads an ssrc-group of a stream and its retransmissions.
func (l *line) pair(group string) {
	const most = 16
	fields := strings.Fields(group)
	if len(fields) != 3 || fields[0] != "FID" || len(l.resends) >= most {
		return
	}
	first, err := strconv.ParseUint(fields[1], 10, 32)
	again, err2 := strconv.ParseUint(fields[2], 10, 32)
	if err != nil || err2 != nil {
		return
	}
	if l.resends == nil {
		l.resends = map[uint32]uint32{}
	}
	l.resends[uint32(first)] = uint32(again)
}

// checkSources makes sure that every sending line has a source of its kind, and nothing else has one.
func checkSources(lines []line, sources map[string]parley.Source) error {
	sending := map[string]bool{}
	for _, l := range lines {
		if l.direction != sendOnly {
			continue
		}
		sending[l.mid] = true
		source, ok := sources[l.mid]
		if !ok {
			return invalid("Media line %s sends, but no source is named for it.", l.mid)
		}
		if source.Kind() != l.kind {
			return invalid("The source of media line %s is not %s.", l.mid, l.kind)
		}
	}
	for mid := range sources {
		if !sending[mid] {
			return invalid("A source is named for a media line that does not send.")
		}
	}
	return nil
}

// plainLines takes from an offer what Pion is not to go by: candidates (knock.go), and the dependency descriptor
// of the media lines that have no use for it: where it is agreed on, Chromium leaves the picture numbers out of
// VP8, by which other browsers get over a loss.
func plainLines(offer string) string {
	var kept strings.Builder
	for len(offer) > 0 {
		end := len(offer) // of the section that is next
		if k := strings.Index(offer, "\nm="); k >= 0 {
			end = k + 1
		}
		useful := strings.Contains(offer[:end], " AV1/")
		for line := range strings.Lines(offer[:end]) {
			if strings.HasPrefix(line, "a=candidate:") {
				continue
			}
			if useful || !strings.HasPrefix(line, "a=extmap:") || !strings.Contains(line, dependencyURI) {
				kept.WriteString(line)
			}
		}
		offer = offer[end:]
	}
	return kept.String()
}
