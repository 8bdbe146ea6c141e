//! The Merkle tree of RFC 6962 (section 2.1; the same in RFC 9162) over the hashes of a log's records.
//!
//! A leaf is the 32 bytes of a record's `_hash`; record 1 of a chain is leaf 0. Leaves are hashed behind a zero byte,
//! inner nodes behind a one, so that neither can be taken for the other.

use crate::sha256::Sha256;

/// The hash of a leaf or an inner node.
pub type Node = [u8; 32];

/// The hash of a leaf.
pub fn leaf(data: &[u8]) -> Node {
    Sha256::new().chain_update([0]).chain_update(data).finalize()
}

fn parent(left: &Node, right: &Node) -> Node {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize()
}

/// The root of a tree without leaves.
fn empty() -> Node {
    Sha256::digest([])
}

/// What must be known of the first leaves of a tree to go on with it: one node for each bit of their number, the
/// largest subtree first. It stands for leaves that are not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Node>,
}

impl Frontier {
    /// A frontier as it was kept; `None` if the number of nodes does not fit the number of leaves.
    pub fn new(size: u64, nodes: Vec<Node>) -> Option<Self> {
        (nodes.len() == size.count_ones() as usize).then_some(Self { size, nodes })
    }

    /// How many leaves it stands for.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its nodes, the largest subtree first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Node) {
        let mut node = leaf;
        // Each trailing one of the number is a full subtree that the new leaf completes to one twice as large.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = parent(&left, &node);
            }
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// The root of the tree of its leaves.
    pub fn root(&self) -> Node {
        let mut nodes = self.nodes.iter().rev();
        let Some(first) = nodes.next() else { return empty() };
        nodes.fold(*first, |right, left| parent(left, &right))
    }

    /// The node over the leaves from `start` up to `end`, if it is one of its own.
    fn node(&self, start: u64, end: u64) -> Option<Node> {
        let mut at = 0;
        for (bit, node) in
            (0..64).rev().map(|bit| 1_u64 << bit).filter(|bit| self.size & bit != 0).zip(&self.nodes)
        {
            if at == start && at + bit == end {
                return Some(*node);
            }
            at += bit;
        }
        None
    }
}

/// A tree of which all leaves are known but the first, for which a frontier stands.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    start: Frontier,
    leaves: Vec<Node>,
}

impl Tree {
    /// A tree that goes on from a frontier.
    pub const fn after(start: Frontier) -> Self {
        Self { start, leaves: Vec::new() }
    }

    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Node) {
        self.leaves.push(leaf);
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.start.size + self.leaves.len() as u64
    }

    /// The root of its first `size` leaves; `None` if it has not so many, or too many of them are not known any more.
    pub fn root(&self, size: u64) -> Option<Node> {
        if size == 0 { Some(empty()) } else { self.range(0, size) }
    }

    /// The audit path of a leaf in the tree of the first `size` leaves, from the leaf upwards (RFC 6962, 2.1.1).
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Node>> {
        if index >= size {
            return None;
        }
        let (mut start, mut end) = (0, size);
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The proof that the tree of the first `old` leaves is a beginning of that of the first `new` (RFC 6962, 2.1.2).
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Node>> {
        if old == 0 || old > new {
            return None;
        }
        let (mut start, mut end) = (0, new);
        let mut proof = Vec::new();
        // Whether the part that is looked at is the whole old tree, whose root the verifier has.
        let mut whole = true;
        while old != end {
            let middle = start + split(end - start);
            if old <= middle {
                proof.push(self.range(middle, end)?);
                end = middle;
            } else {
                proof.push(self.range(start, middle)?);
                start = middle;
                whole = false;
            }
        }
        if !whole {
            proof.push(self.range(start, end)?);
        }
        proof.reverse();
        Some(proof)
    }

    /// The node over the leaves from `start` up to `end`.
    fn range(&self, start: u64, end: u64) -> Option<Node> {
        if let Some(node) = self.start.node(start, end) {
            return Some(node);
        }
        if end - start == 1 {
            let at = usize::try_from(start.checked_sub(self.start.size)?).ok()?;
            return self.leaves.get(at).copied();
        }
        let middle = start + split(end - start);
        Some(parent(&self.range(start, middle)?, &self.range(middle, end)?))
    }
}

/// The largest power of two that is smaller than a number above one.
const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Whether an audit path leads from a leaf to a root (RFC 9162, 2.1.3.2).
pub fn verify_inclusion(leaf: Node, index: u64, size: u64, path: &[Node], root: &Node) -> bool {
    if index >= size {
        return false;
    }
    let (mut position, mut last) = (index, size - 1);
    let mut node = leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            node = parent(sibling, &node);
            if position & 1 == 0 {
                while position & 1 == 0 && position != 0 {
                    position >>= 1;
                    last >>= 1;
                }
            }
        } else {
            node = parent(&node, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

/// Whether a proof shows that one tree is the beginning of another (RFC 9162, 2.1.4.2).
pub fn verify_consistency(old: u64, new: u64, proof: &[Node], old_root: &Node, new_root: &Node) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    let mut nodes = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { nodes.next() };
    let Some(first) = first else { return false };
    let (mut position, mut last) = (old - 1, new - 1);
    while position & 1 == 1 {
        position >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (*first, *first);
    for node in nodes {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            of_old = parent(node, &of_old);
            of_new = parent(node, &of_new);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            of_new = parent(&of_new, node);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && of_old == *old_root && of_new == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap())
            .collect()
    }

    fn node(text: &str) -> Node {
        hex(text).try_into().unwrap()
    }

    /// The leaves and roots of the test vectors of the reference implementation of RFC 6962
    /// (`certificate-transparency`, `merkletree/merkle_tree_test.cc`).
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn known() -> Tree {
        let mut tree = Tree::default();
        for data in LEAVES {
            tree.push(leaf(&hex(data)));
        }
        tree
    }

    #[test]
    fn roots_are_those_of_the_reference_vectors() {
        assert_eq!(empty(), node("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        let (tree, mut frontier) = (known(), Frontier::default());
        for (at, (data, root)) in LEAVES.iter().zip(ROOTS).enumerate() {
            frontier.push(leaf(&hex(data)));
            assert_eq!(frontier.root(), node(root));
            assert_eq!(tree.root(at as u64 + 1), Some(node(root)));
        }
    }

    #[test]
    fn paths_and_proofs_are_those_of_the_reference_vectors() {
        let tree = known();
        let nodes = |texts: &[&str]| Some(texts.iter().map(|text| node(text)).collect::<Vec<_>>());
        assert_eq!(tree.inclusion(0, 1), nodes(&[]));
        assert_eq!(
            tree.inclusion(0, 8),
            nodes(&[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ])
        );
        assert_eq!(
            tree.inclusion(5, 8),
            nodes(&[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ])
        );
        assert_eq!(
            tree.inclusion(2, 3),
            nodes(&["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"])
        );
        assert_eq!(
            tree.consistency(6, 8),
            nodes(&[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ])
        );
        assert_eq!(
            tree.consistency(2, 5),
            nodes(&[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ])
        );
        assert_eq!(tree.consistency(1, 1), nodes(&[]));
    }

    fn tree_of(leaves: u64, salt: u8) -> Tree {
        let mut tree = Tree::default();
        (0..leaves).for_each(|at| tree.push(leaf(&[&[salt], at.to_le_bytes().as_slice()].concat())));
        tree
    }

    proptest! {
        #[test]
        fn every_path_and_proof_verifies_and_no_other_does(
            size in 1_u64..200, index in 0_u64..200, old in 1_u64..200, salt in any::<u8>(), flip in 0_usize..4096,
        ) {
            let (index, old) = (index % size, 1 + (old - 1) % size);
            let tree = tree_of(size, salt);
            let (root, old_root) = (tree.root(size).unwrap(), tree.root(old).unwrap());
            let own = tree.range(index, index + 1).unwrap();
            let path = tree.inclusion(index, size).unwrap();
            prop_assert!(verify_inclusion(own, index, size, &path, &root));
            prop_assert!(!verify_inclusion(leaf(b"another"), index, size, &path, &root));
            prop_assert!(!verify_inclusion(own, index, size, &path, &old_root) || old == size);
            let proof = tree.consistency(old, size).unwrap();
            prop_assert!(verify_consistency(old, size, &proof, &old_root, &root));
            let other = tree_of(old, salt.wrapping_add(1)).root(old).unwrap();
            prop_assert!(!verify_consistency(old, size, &proof, &other, &root));
            for nodes in [&path, &proof] {
                if nodes.is_empty() { continue; }
                let mut changed = nodes.clone();
                let at = (flip / 256) % changed.len();
                changed[at][flip / 8 % 32] ^= 1 << (flip % 8);
                let short = &nodes[..nodes.len() - 1];
                if std::ptr::eq(nodes, &raw const path) {
                    prop_assert!(!verify_inclusion(own, index, size, &changed, &root));
                    prop_assert!(!verify_inclusion(own, index, size, short, &root));
                } else {
                    prop_assert!(!verify_consistency(old, size, &changed, &old_root, &root));
                    prop_assert!(!verify_consistency(old, size, short, &old_root, &root));
                }
            }
        }

        #[test]
        fn a_frontier_stands_for_the_leaves_that_are_gone(gone in 0_u64..100, more in 1_u64..60) {
            let whole = tree_of(gone + more, 7);
            let mut frontier = Frontier::default();
            (0..gone).for_each(|at| frontier.push(whole.range(at, at + 1).unwrap()));
            let kept = Frontier::new(frontier.size(), frontier.nodes().to_vec()).unwrap();
            let mut rest = Tree::after(kept);
            (gone..gone + more).for_each(|at| rest.push(whole.range(at, at + 1).unwrap()));
            for size in gone.max(1)..=gone + more {
                prop_assert_eq!(rest.root(size), whole.root(size));
                prop_assert_eq!(rest.consistency(gone.max(1), size), whole.consistency(gone.max(1), size));
            }
            for index in gone..gone + more {
                prop_assert_eq!(rest.inclusion(index, gone + more), whole.inclusion(index, gone + more));
            }
            prop_assert!(Frontier::new(gone + 1, frontier.nodes().to_vec()).is_none_or(|_| (gone + 1).count_ones() == gone.count_ones()));
        }
    }
}
