//! A member of a group in this process: partitions are dealt out, read in
//! turn, and handed on after a drain.

use super::writer::{Heads, Write};
use super::{Shared, locked};
use crate::bus::{BusError, Event, Message, Subscription, TopicPartition};
use async_trait::async_trait;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

/// Messages of each partition, from this offset.
type Filled = Vec<(TopicPartition, i64, Vec<Message>)>;

/// One member of a group.
pub(super) struct Reader {
    shared: Arc<Shared>,
    group: String,
    member: u64,
    heads: watch::Receiver<Heads>,
    membership: watch::Receiver<u64>,
    /// What it owns may still differ from what it should own.
    unsettled: bool,
    owned: HashMap<TopicPartition, Owned>,
    /// The partitions in the order in which they are served next.
    turn: VecDeque<TopicPartition>,
    /// What is being read. Whoever waits for the next event also waits for other
    /// things and asks again: it goes on meanwhile.
    filling: Option<JoinHandle<Result<Filled, BusError>>>,
    paused: Mutex<HashSet<TopicPartition>>,
    resumed: Notify,
}

#[derive(Default)]
struct Owned {
    /// The offset to read next; `None` until the committed position is loaded.
    next: Option<i64>,
    buffer: VecDeque<Message>,
}

impl Reader {
    /// Joins `group`; `member` is its number there.
    pub(super) fn new(shared: Arc<Shared>, group: &str, member: u64) -> Reader {
        Reader {
            heads: shared.heads.clone(),
            membership: shared.membership.subscribe(),
            shared,
            group: group.to_owned(),
            member,
            unsettled: true,
            owned: HashMap::new(),
            turn: VecDeque::new(),
            filling: None,
            paused: Mutex::default(),
            resumed: Notify::new(),
        }
    }

    /// Gives up what another member should have, takes what nobody has. Synchronous, so that a
    /// cancelled `next` leaves nothing half done.
    fn rebalance(&mut self) -> Option<Event> {
        let mut groups = locked(&self.shared.groups);
        let group = groups.get_mut(&self.group)?;
        let should = self.shared.assignment(group, self.member);
        let lost: Vec<TopicPartition> =
            self.owned.keys().filter(|at| !should.contains(at)).cloned().collect();
        if !lost.is_empty() {
            drop(groups);
            return Some(self.revoke(lost));
        }
        let gained: Vec<TopicPartition> =
            should.into_iter().filter(|at| !group.owners.contains_key(at)).collect();
        if gained.is_empty() {
            return None;
        }
        for at in &gained {
            group.owners.insert(at.clone(), self.member);
            self.owned.insert(at.clone(), Owned::default());
            self.turn.push_back(at.clone());
        }
        Some(Event::Assigned(gained))
    }

    fn revoke(&mut self, lost: Vec<TopicPartition>) -> Event {
        self.stop_filling();
        for at in &lost {
            self.owned.remove(at);
            locked(&self.paused).remove(at);
        }
        self.turn.retain(|at| self.owned.contains_key(at));
        let (drained, wait) = oneshot::channel();
        let (shared, group, partitions) = (self.shared.clone(), self.group.clone(), lost.clone());
        tokio::spawn(async move {
            let _ = wait.await;
            release(&shared, &group, &partitions);
        });
        Event::Revoked { partitions: lost, drained }
    }

    /// The next buffered message of a partition that is not paused, each in its turn.
    fn pop(&mut self) -> Option<Message> {
        let paused = locked(&self.paused);
        for _ in 0..self.turn.len() {
            self.turn.rotate_left(1);
            let Some(at) = self.turn.back() else { break };
            if paused.contains(at) {
                continue;
            }
            if let Some(message) = self.owned.get_mut(at).and_then(|o| o.buffer.pop_front()) {
                return Some(message);
            }
        }
        None
    }

    /// Begins to read what there is of the partitions that are not paused, if there is any.
    fn start_filling(&mut self) {
        let paused = locked(&self.paused);
        let next_of = |at: &TopicPartition| self.owned.get(at).map(|owned| (at.clone(), owned.next));
        let is_behind = |(at, next): &(TopicPartition, Option<i64>)| {
            !paused.contains(at) && next.is_none_or(|next| next < self.shared.head(at))
        };
        let wanted: Vec<(TopicPartition, Option<i64>)> =
            self.turn.iter().filter_map(next_of).filter(is_behind).collect();
        if !wanted.is_empty() {
            self.filling = Some(tokio::spawn(fill(self.shared.clone(), self.group.clone(), wanted)));
        }
    }

    fn stop_filling(&mut self) {
        if let Some(filling) = self.filling.take() {
            filling.abort();
        }
    }

    fn keep(&mut self, filled: Filled) {
        for (at, from, messages) in filled {
            if let Some(owned) = self.owned.get_mut(&at) {
                owned.next = Some(messages.last().map_or(from, |m| m.offset + 1));
                owned.buffer.extend(messages);
            }
        }
    }
}

/// The next messages of each partition, from its committed position where none is given.
async fn fill(
    shared: Arc<Shared>,
    group: String,
    wanted: Vec<(TopicPartition, Option<i64>)>,
) -> Result<Filled, BusError> {
    let mut filled = Vec::new();
    for (at, next) in wanted {
        let next = match next {
            Some(next) => next,
            None => shared.position(&group, &at).await?,
        };
        let messages = match next < shared.head(&at) {
            true => shared.read(&at, next).await?,
            false => Vec::new(),
        };
        filled.push((at, next, messages));
    }
    Ok(filled)
}

fn release(shared: &Shared, group: &str, partitions: &[TopicPartition]) {
    if let Some(group) = locked(&shared.groups).get_mut(group) {
        for at in partitions {
            group.owners.remove(at);
        }
    }
    shared.membership.send_modify(|n| *n += 1);
}

#[async_trait]
impl Subscription for Reader {
    async fn next(&mut self) -> Result<Event, BusError> {
        loop {
            // Seen marks first, so that a change between the look and the wait still wakes.
            self.heads.borrow_and_update();
            if self.unsettled || self.membership.has_changed().unwrap_or(true) {
                self.membership.borrow_and_update();
                let event = self.rebalance();
                self.unsettled = event.is_some();
                if let Some(event) = event {
                    return Ok(event);
                }
            }
            if let Some(message) = self.pop() {
                return Ok(Event::Message(message));
            }
            if self.filling.is_none() {
                self.start_filling();
            }
            if let Some(filling) = &mut self.filling {
                let filled = filling.await;
                self.filling = None;
                self.keep(filled.map_err(|_| BusError::Log("reading it was broken off".to_owned()))??);
                if let Some(message) = self.pop() {
                    return Ok(Event::Message(message));
                }
            }
            tokio::select! {
                changed = self.heads.changed() => changed.map_err(|_| BusError::Closed)?,
                changed = self.membership.changed() => {
                    self.unsettled = true;
                    changed.map_err(|_| BusError::Closed)?;
                }
                () = self.resumed.notified() => {}
            }
        }
    }

    async fn commit(&self, positions: &[(TopicPartition, i64)]) -> Result<(), BusError> {
        if positions.is_empty() {
            return Ok(());
        }
        let (group, positions) = (self.group.clone(), positions.to_vec());
        self.shared.send(|ack| Write::Commit { group, positions, ack }).await
    }

    fn pause(&self, at: &TopicPartition) {
        locked(&self.paused).insert(at.clone());
    }

    fn resume(&self, at: &TopicPartition) {
        if locked(&self.paused).remove(at) {
            self.resumed.notify_one();
        }
    }

    async fn close(self: Box<Self>) {}
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop_filling();
        if let Some(group) = locked(&self.shared.groups).get_mut(&self.group) {
            group.members.retain(|(id, _)| *id != self.member);
            group.owners.retain(|_, owner| *owner != self.member);
        }
        self.shared.membership.send_modify(|n| *n += 1);
    }
}
