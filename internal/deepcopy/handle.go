package deepcopy

import "sync"

const (
	// handleBytes is the memory that package unique keeps for a value in
	// addition.
	handleBytes = 192

	// Programs have a few ubiquitous values of package unique, such as the zone
	// of their addresses. They are not counted for each stored value.
	commonHandles = 64
	commonText    = 64 // and their longest text
)

// common holds the addresses of such values, the first ones seen. Other values
// may have the addresses by now.
var common struct {
	mu sync.Mutex
	at map[uintptr]struct{} // guarded by mu
}

// findHandle counts the text of a value of package unique, which stays alive as
// long as anything refers to it. Few values have no text.
func (c *copier) findHandle(p *part, at cell) {
	held := at.pointee()
	if held.isNil() {
		return
	}
	method, _ := p.typ.MethodByName("Value")
	value := method.Type.Out(0)
	var texts int64
	for _, q := range planOf(value, owning).parts {
		if q.op == text {
			texts += int64(len(*atString(held.add(q.offset))))
		}
	}
	if texts == 0 || texts <= commonText && isCommon(held) {
		return
	}
	c.extra += texts + int64(value.Size()) + handleBytes
}

func isCommon(held cell) bool {
	common.mu.Lock()
	defer common.mu.Unlock()
	if _, ok := common.at[held.address()]; ok {
		return true
	}
	if len(common.at) == commonHandles {
		return false
	}
	if common.at == nil {
		common.at = make(map[uintptr]struct{})
	}
	common.at[held.address()] = struct{}{}
	return true
}
