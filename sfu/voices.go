package sfu

import "time"

// giveVoices seats the loudest talkers with every subscriber.
func (r *Room) giveVoices(now time.Time) {
	if r.closing {
		return
	}
	r.ranked = r.ranked[:0]
	for _, pub := range r.publications {
		if !pub.muted && pub.loudness != nil {
			r.ranked = append(r.ranked, talker{pub, pub.loudness.at(now)})
		}
	}
	rankTalkers(r.ranked)
	r.contended = false
	for _, p := range r.peers {
		r.giveVoicesTo(p, now)
	}
	clear(r.ranked) // who left is not to be kept
	clear(r.others)
}

// giveVoicesTo seats the loudest talkers with one subscriber: never themselves.
func (r *Room) giveVoicesTo(p *Peer, now time.Time) {
	r.others = r.others[:0]
	for _, t := range r.ranked {
		if t.pub.peer != p && (p.only == "" || t.pub.peer.cfg.Participant == p.only) {
			r.others = append(r.others, t)
		}
	}
	voices, seats := p.voices(r.sfu.cfg.Voices)
	r.contended = r.contended || len(r.others) > len(voices) && len(voices) > 0
	assign(voices, r.others, now)
	for k, v := range voices {
		if v.pub == nil || seats[k].takes(v.pub) {
			r.move(seats[k], v.pub)
		}
	}
}
