package signaling

import (
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parley/parley"
)

// program is one session without a socket.
type program struct {
	session *session
	done    chan struct{} // closed when its place is free and its address forgotten

	mu   sync.Mutex // guards everything below: one offer at a time
	gone bool       // it leaves: its peer is not to be touched any more
	ice  iceSession
}

// iceSession is what two sides have agreed on until one restarts ICE. Requests may overtake each other, so
// each says which ICE session it means: by the entity-tag, by credentials, or by both (RFC 9725 §4.3.1).
type iceSession struct {
	offer  Offer    // as it was answered last
	answer string   // of the last restart, as a fragment; "" before the first
	tag    string   // its entity-tag, strong, with the quotes; says nothing of the address
	past   []string // ufrags of earlier ones, the last mostPast
}

// mostPast is how many restarts a fragment may be late: far more than any network delays one.
const mostPast = 64

func newICESession(offer Offer) iceSession { return iceSession{offer: offer, tag: newTag()} }

func newTag() string { return `"` + uuid.NewString() + `"` }

// purpose is what a fragment is sent for.
type purpose int

const (
	trickles purpose = iota // it adds candidates to the ICE session there is
	restarts                // it begins another
	repeats                 // it asks again for the restart that was answered last
)

// judge says what a fragment is for, given the If-Match fields it came with. Clients in use trickle without
// any (RFC 9725 §4.3.1 would refuse them): the credentials tell then. A restart has to mean it.
func (s *iceSession) judge(conditions []string, frag fragment) (purpose, error) {
	whatever, this := conditionOn(conditions, s.tag)
	current := frag.ufrag == ufragOf(s.offer.SDP)
	switch {
	case len(conditions) > 0 && !whatever && !this, slices.Contains(s.past, frag.ufrag):
		return 0, &statusError{http.StatusPreconditionFailed, &parley.Error{
			Op: "patch session", Kind: parley.Conflict, Say: "This is of an ICE session that was restarted since.",
		}}
	case frag.ufrag != "" && current && whatever && s.answer != "":
		return repeats, nil
	case frag.ufrag == "", current:
		return trickles, nil
	case frag.password == "":
		return 0, invalid("the fragment has an ice-ufrag that is not known, and no ice-pwd")
	case len(conditions) == 0:
		return 0, &statusError{http.StatusPreconditionRequired, invalid(`who restarts ICE says "If-Match: *"`)}
	default:
		return restarts, nil
	}
}

// restarted notes a restart.
func (s *iceSession) restarted(offer Offer, answer string) {
	s.past = append(s.past, ufragOf(s.offer.SDP))
	if len(s.past) > mostPast {
		s.past = s.past[1:]
	}
	s.offer, s.answer, s.tag = offer, fragmentOf(answer), newTag()
}

// conditionOn reads If-Match (RFC 9110 §13.1.1): whether it takes whatever there is, and whether it names tag.
// The examples of RFC 9725 have the asterisk in quotes, and some clients a tag without them.
func conditionOn(fields []string, tag string) (whatever, this bool) {
	for field := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		field = strings.Trim(strings.TrimSpace(field), `"`)
		whatever = whatever || field == "*"
		this = this || field == strings.Trim(tag, `"`)
	}
	return whatever, this
}

// patchProgram adds candidates, or restarts ICE when the fragment has new credentials.
func (rs *Rooms) patchProgram(w http.ResponseWriter, r *http.Request) error {
	p, err := rs.program(r)
	if err != nil {
		return err
	}
	body, err := readTyped(w, r, fragType)
	if err != nil {
		return err
	}
	frag, err := parseFragment(body)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return noProgram()
	}
	what, err := p.ice.judge(r.Header.Values("If-Match"), frag)
	if err != nil {
		return err
	}
	if err := p.limit(w, what, len(frag.candidates)); err != nil {
		return err
	}
	if what == restarts {
		offer := Offer{SDP: frag.apply(p.ice.offer.SDP), Sources: p.ice.offer.Sources}
		answer, err := p.session.answer(&offer)
		if err != nil {
			return err
		}
		p.ice.restarted(offer, answer)
	}
	for _, c := range frag.candidates {
		// What cannot be used is to be passed over (RFC 9725 §4.3.2): another transport, a name.
		_ = p.session.peer.AddCandidateText(c.text, &c.mid, nil)
	}
	if what == trickles {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Content-Type", fragType)
	w.Header().Set("ETag", p.ice.tag)
	_, err = io.WriteString(w, p.ice.answer)
	return ignoreGone(err)
}

// limit holds a program to what a browser may send, too.
func (p *program) limit(w http.ResponseWriter, what purpose, candidates int) error {
	over := p.session.limits[TypeCandidate]
	ok := over.AllowN(time.Now(), candidates)
	if ok && what == restarts {
		over = p.session.limits[TypeOffer]
		ok = over.Allow()
	}
	if ok {
		return nil
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(over.period().Seconds()))))
	return &statusError{http.StatusTooManyRequests, &parley.Error{Op: "limit messages", Kind: parley.TooLarge, Say: over.say}}
}
