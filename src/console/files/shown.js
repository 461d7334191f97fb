// What of an object views look at: of kinds of which there are thousands nothing else is kept.

const status = ({ imageID, state }) => ({ imageID, state: { waiting: state?.waiting && { reason: state.waiting.reason } } });

const condition = ({ type, status, lastTransitionTime }) => ({ type, status, lastTransitionTime });

function metadata({ name, namespace, uid, resourceVersion, labels, ownerReferences, creationTimestamp, deletionTimestamp }) {
  return { name, namespace, uid, resourceVersion, labels, ownerReferences, creationTimestamp, deletionTimestamp };
}

const PARTS = {
  pods: (pod) => ({ metadata: metadata(pod.metadata), status: { phase: pod.status?.phase, reason: pod.status?.reason,
    conditions: pod.status?.conditions?.map(condition), containerStatuses: pod.status?.containerStatuses?.map(status),
    initContainerStatuses: pod.status?.initContainerStatuses?.map(status) } }),
  events: ({ involvedObject: { kind, name, uid }, type, reason, message, count, series, lastTimestamp, eventTime, ...event }) => ({
    metadata: metadata(event.metadata), involvedObject: { kind, name, uid }, type, reason, message, count, series,
    lastTimestamp, eventTime }),
};

/** An object of a kind without what no view shows. */
export function shown(plural, object) {
  // Every object has a lot of it.
  delete object.metadata.managedFields;
  return PARTS[plural]?.(object) ?? object;
}
