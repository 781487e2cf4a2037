//! All orders of a few things: what the brute force goes through.

/// Tries all orders of what is `left` behind those in `order`, until one is accepted.
pub fn permute<T: Copy>(left: &[T], order: &mut Vec<T>, accept: &mut impl FnMut(&[T]) -> bool) -> bool {
    if left.is_empty() {
        return accept(order);
    }
    (0..left.len()).any(|at| {
        let mut rest = left.to_vec();
        order.push(rest.remove(at));
        let accepted = permute(&rest, order, accept);
        order.pop();
        accepted
    })
}
