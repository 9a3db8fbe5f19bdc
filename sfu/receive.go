package sfu

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/webrtc/v4"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

// receive takes one incoming stream; Pion calls it after the stream's first packet, from a goroutine of its own
// that it does not wait for and that may be late: once the peer is closed nothing begins.
func (p *Peer) receive(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	p.spawn(func() {
		l, err := p.newLayer(remote, receiver)
		if err != nil {
			p.sender.refuse(uint32(remote.SSRC()))
			p.log.Debug("ignore stream", zap.Error(err))
			return
		}
		p.spawn(l.read)
		p.spawn(func() { p.hearByPion(l.control, l.ssrc) })
	})
}

// newLayer finds the publication an incoming stream belongs to.
func (p *Peer) newLayer(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) (*layer, error) {
	transceiver := receiver.RTPTransceiver()
	if transceiver == nil {
		return nil, errors.New("stream of no media line")
	}
	mid := transceiver.Mid()
	l := &layer{
		remote:  remote,
		ssrc:    uint32(remote.SSRC()),
		payload: remote.Codec().PayloadType, // PayloadType is not known yet of an encoding
		control: func(b []byte) (int, error) {
			n, _, err := receiver.Read(b)
			return n, err
		},
	}
	if sent := remote.Codec(); strings.EqualFold(sent.MimeType, mimeRED) {
		l.redPayload, l.payload = uint8(sent.PayloadType), primaryOf(sent.SDPFmtpLine)
	}
	if rid := remote.RID(); rid != "" {
		l.control = func(b []byte) (int, error) {
			n, _, err := receiver.ReadSimulcast(b, rid)
			return n, err
		}
	}
	for _, extension := range receiver.GetParameters().HeaderExtensions {
		switch {
		case extension.URI == audioLevelURI && remote.Kind() == webrtc.RTPCodecTypeAudio:
			l.levelID = uint8(extension.ID)
		case extension.URI == dependencyURI && remote.Kind() == webrtc.RTPCodecTypeVideo:
			l.dependencyID = uint8(extension.ID)
		default:
			p.sender.learn(extension.URI, extension.ID)
		}
	}

	p.mu.Lock()
	source, known := p.sources[mid]
	if !known {
		p.mu.Unlock()
		return nil, fmt.Errorf("stream of media line %q, which sends nothing", mid)
	}
	rids := p.lines[mid].rids
	l.rid, l.rank = remote.RID(), max(0, slices.Index(rids, remote.RID()))
	l.rtxSSRC = p.lines[mid].resends[l.ssrc]
	pub := p.publications[mid]
	if pub == nil {
		pub = newPublication(p, mid, source, newCodec(remote.Codec().RTPCodecCapability), rids)
		p.publications[mid] = pub
	}
	p.mu.Unlock()

	l.pub, l.reception.clockRate = pub, pub.codec.clockRate
	if pub.codec.kind == parley.Video {
		l.ring = &ring{}
	}
	if !pub.addLayer(l) {
		return nil, fmt.Errorf("another stream of encoding %q of media line %q", l.rid, mid)
	}
	return l, nil
}

// allPublications lists what this browser publishes.
func (p *Peer) allPublications() []*publication {
	p.mu.Lock()
	defer p.mu.Unlock()
	publications := make([]*publication, 0, len(p.publications))
	for _, pub := range p.publications {
		publications = append(publications, pub)
	}
	return publications
}

// allLayers lists the streams of those.
func (p *Peer) allLayers() []*layer {
	var layers []*layer
	for _, pub := range p.allPublications() {
		layers = append(layers, pub.allLayers()...)
	}
	return layers
}
