package signaling

import (
	"strings"

	"github.com/parley/parley"
)

// programOffer makes an offer of what an encoder or player sends: its lines get the one direction they
// are used in (RFC 9725 §4.2 lets encoders say sendrecv), and its sources are told by their kind and order.
func programOffer(does way, sdp string) (Offer, error) {
	direction := "a=sendonly"
	if does == watches {
		direction = "a=recvonly"
	}
	offer := Offer{Sources: map[string]parley.Source{}}
	var out strings.Builder
	pictures, sounds := []parley.Source{parley.Camera, parley.Screen}, []parley.Source{parley.Microphone, parley.ScreenAudio}
	kind := ""
	for line := range strings.Lines(sdp) {
		text := strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(text, "m="):
			kind, _, _ = strings.Cut(text[2:], " ")
		case text == "a=sendrecv", text == "a=sendonly" && does == publishes, text == "a=recvonly" && does == watches:
			text = direction
		case strings.HasPrefix(text, "a=mid:") && does == publishes:
			list := &sounds
			if kind == "video" {
				list = &pictures
			}
			if len(*list) == 0 {
				return offer, invalid("the offer sends more than two %s lines", kind)
			}
			offer.Sources[text[len("a=mid:"):]] = (*list)[0]
			*list = (*list)[1:]
		}
		out.WriteString(text + "\r\n")
	}
	offer.SDP = out.String()
	return offer, nil
}

// suits refuses a program for which the answer to its offer would be no use, and which would take it for success
// (RFC 9725 §4.4): an encoder that may not publish or of which a line cannot be taken, a player of which none can.
func (s *session) suits(answer string) error {
	if !s.watching && !s.row.Role.MayPublish() {
		return forbidden("publish", "This token lets you watch, not publish.")
	}
	lines, rejected := 0, ""
	for line := range strings.Lines(answer) {
		if kind, is := strings.CutPrefix(line, "m="); is {
			lines++
			if kind, rest, _ := strings.Cut(kind, " "); strings.HasPrefix(rest, "0 ") {
				rejected = kind
				lines--
			}
		}
	}
	if rejected == "" || s.watching && lines > 0 {
		return nil
	}
	return invalid("The %s of the offer cannot be used: all its lines have to be in one BUNDLE group, each with a codec of this server.", rejected)
}

// fragment is what a PATCH carries (RFC 8840 §9): new ICE credentials, or candidates by m-line.
type fragment struct {
	ufrag, password string
	candidates      []fragmentCandidate
}

type fragmentCandidate struct{ mid, text string }

// parseFragment reads one. Invalid for what is none; one without a line says nothing, which is allowed.
func parseFragment(body string) (fragment, error) {
	var f fragment
	mid := ""
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && (len(line) < 2 || line[1] != '=') {
			return f, invalid("the fragment has a line that is not of SDP")
		}
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "a=ice-ufrag":
			f.ufrag = value
		case "a=ice-pwd":
			f.password = value
		case "a=mid":
			mid = value
		case "a=candidate":
			if !strings.Contains(value, " typ ") {
				return f, invalid("the fragment has a candidate without a type")
			}
			f.candidates = append(f.candidates, fragmentCandidate{mid, "candidate:" + value})
		}
	}
	if !isCredential(f.ufrag) || !isCredential(f.password) {
		return f, invalid("ice-ufrag and ice-pwd are at most 256 letters, digits and signs")
	}
	return f, nil
}

// isCredential is laxer than RFC 8839 §5.4: it keeps out what would make another offer of one.
func isCredential(text string) bool {
	const most = 256
	return len(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// ufragOf is that of an offer: of all its lines, since they are bundled.
func ufragOf(offer string) string {
	for line := range strings.Lines(offer) {
		if ufrag, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			return strings.TrimRight(ufrag, "\r\n")
		}
	}
	return ""
}

// apply makes the offer that restarts ICE: the one before with the new credentials, and without candidates,
// which are trickled: one that cannot be used must not spoil the rest.
func (f fragment) apply(offer string) string {
	var out strings.Builder
	for line := range strings.Lines(offer) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + f.ufrag + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + f.password + "\r\n"
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
			continue
		}
		out.WriteString(line)
	}
	return out.String()
}

// fragmentOf is the server's side of a restart (RFC 8840 §9): what the answer says of ICE as a whole, then its
// credentials and candidates, of the first m-line that has any.
func fragmentOf(answer string) string {
	var whole, section strings.Builder
	credentials, end := false, "" // Pion says the end before what it ends
	for line := range strings.Lines(answer) {
		text := strings.TrimRight(line, "\r\n")
		part := &section
		if strings.HasPrefix(text, "m=") {
			if credentials {
				break
			}
			section.Reset()
			end = ""
		} else if section.Len() == 0 {
			part = &whole
		}
		for _, prefix := range []string{
			"m=", "a=group:BUNDLE", "a=mid:", "a=ice-", "a=candidate:",
		} {
			if strings.HasPrefix(text, prefix) {
				part.WriteString(text + "\r\n")
			}
		}
		if text == "a=end-of-candidates" {
			end = text + "\r\n"
		}
		credentials = credentials || part == &section && strings.HasPrefix(text, "a=ice-ufrag:")
	}
	return whole.String() + section.String() + end
}
