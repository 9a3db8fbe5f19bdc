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

// fragment is what a PATCH carries (RFC 8840 §9): new ICE credentials, or candidates by m-line.
type fragment struct {
	ufrag, password string
	candidates      []fragmentCandidate
}

type fragmentCandidate struct{ mid, text string }

func parseFragment(body string) fragment {
	var f fragment
	mid := "0"
	for line := range strings.Lines(body) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch name {
		case "a=ice-ufrag":
			f.ufrag = value
		case "a=ice-pwd":
			f.password = value
		case "a=mid":
			mid = value
		case "a=candidate":
			f.candidates = append(f.candidates, fragmentCandidate{mid, "candidate:" + value})
		}
	}
	return f
}

// restarts reports whether a fragment has other credentials than the offer before.
func (f fragment) restarts(offer string) bool {
	return f.ufrag != "" && f.password != "" && !strings.Contains(offer, "a=ice-ufrag:"+f.ufrag+"\r\n")
}

// apply makes the offer that restarts ICE: the one before with the new credentials and candidates.
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
		if mid, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "a=mid:"); ok {
			for _, c := range f.candidates {
				if c.mid == mid {
					out.WriteString("a=" + c.text + "\r\n")
				}
			}
		}
	}
	return out.String()
}

// fragmentOf is the server's side of a restart: its credentials and candidates, of the first m-line.
func fragmentOf(answer string) string {
	var out strings.Builder
	lines := 0
	for line := range strings.Lines(answer) {
		text := strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(text, "m=") {
			lines++
		}
		for _, prefix := range []string{"m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"} {
			if lines == 1 && strings.HasPrefix(text, prefix) {
				out.WriteString(text + "\r\n")
			}
		}
	}
	return out.String()
}
