//! The graph of all resources that should be there.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graphmap::DiGraphMap;

use super::{Address, Handle, Resource};

/// Why resources do not make a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Two resources share an address.
    #[error("{address} is declared twice")]
    Duplicate {
        /// The shared address.
        address: Address,
    },
    /// Two resources would be the same thing in the world.
    #[error("{first} and {second} would both be {handle}")]
    SameHandle {
        /// The first of them.
        first: Address,
        /// The second of them.
        second: Address,
        /// The name they share.
        handle: Handle,
    },
    /// A resource needs one that is not there.
    #[error("{address} needs {missing}, which is not declared")]
    Missing {
        /// The resource in need.
        address: Address,
        /// What it needs.
        missing: Address,
    },
    /// Resources need each other.
    #[error("{} need each other", .members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Cycle {
        /// All of them.
        members: Vec<Address>,
    },
}

/// All resources that should be there: closed, acyclic, and in an order in which each comes after what it needs.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    resources: BTreeMap<Address, Arc<Resource>>,
    order: Vec<Address>,
}

impl Desired {
    /// Builds the graph. The order of the input does not matter.
    ///
    /// # Errors
    /// Everything that is wrong with the graph, all of it in one go.
    pub fn new(resources: impl IntoIterator<Item = Resource>) -> Result<Self, Vec<GraphError>> {
        let mut errors = Vec::new();
        let mut by_address = BTreeMap::new();
        let mut by_handle: BTreeMap<_, Address> = BTreeMap::new();
        let mut all: Vec<Resource> = resources.into_iter().collect();
        all.sort_by(|a, b| a.address.cmp(&b.address));
        for resource in all {
            let address = resource.address.clone();
            let place = (resource.provider.clone(), resource.handle.clone());
            if let Some(first) = by_handle.insert(place, address.clone())
                && first != address
            {
                errors.push(GraphError::SameHandle {
                    first,
                    second: address.clone(),
                    handle: resource.handle.clone(),
                });
            }
            if by_address
                .insert(address.clone(), Arc::new(resource))
                .is_some()
            {
                errors.push(GraphError::Duplicate { address });
            }
        }
        errors.extend(missing(&by_address));
        if !errors.is_empty() {
            return Err(errors);
        }
        let order = order(&by_address)?;
        Ok(Self {
            resources: by_address,
            order,
        })
    }

    /// The resource at an address.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Arc<Resource>> {
        self.resources.get(address)
    }

    /// All resources, each after everything it needs.
    pub fn in_order(&self) -> impl DoubleEndedIterator<Item = &Arc<Resource>> {
        self.order.iter().filter_map(|address| self.get(address))
    }

    /// How many resources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// True when nothing should be there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

fn missing(resources: &BTreeMap<Address, Arc<Resource>>) -> Vec<GraphError> {
    let mut errors = Vec::new();
    for (address, resource) in resources {
        for need in resource.needs() {
            if !resources.contains_key(&need) {
                errors.push(GraphError::Missing {
                    address: address.clone(),
                    missing: need,
                });
            }
        }
    }
    errors
}

fn order(resources: &BTreeMap<Address, Arc<Resource>>) -> Result<Vec<Address>, Vec<GraphError>> {
    let addresses: Vec<&Address> = resources.keys().collect();
    let index: BTreeMap<&Address, usize> =
        addresses.iter().enumerate().map(|(i, a)| (*a, i)).collect();
    let mut graph = DiGraphMap::<usize, ()>::with_capacity(addresses.len(), addresses.len());
    // Reversed insertion: toposort walks roots last-in first-out, so equals come out in address order.
    for i in (0..addresses.len()).rev() {
        graph.add_node(i);
    }
    for (i, resource) in resources.values().enumerate() {
        for need in resource.needs() {
            graph.add_edge(index[&need], i, ());
        }
    }
    match toposort(&graph, None) {
        Ok(sorted) => Ok(sorted.into_iter().map(|i| addresses[i].clone()).collect()),
        Err(_) => Err(tarjan_scc(&graph)
            .into_iter()
            .filter(|group| group.len() > 1 || graph.contains_edge(group[0], group[0]))
            .map(|mut group| {
                group.sort_unstable();
                GraphError::Cycle {
                    members: group.into_iter().map(|i| addresses[i].clone()).collect(),
                }
            })
            .collect()),
    }
}
