-- For people with a `sqlite3` shell: the cluster as tables.
CREATE VIEW objects AS
    SELECT c.resource, l.value ->> '$.metadata.namespace' AS namespace,
           l.value ->> '$.metadata.name' AS name, c.rev AS revision,
           l.value ->> '$.metadata.creationTimestamp' AS created, l.value AS object
      FROM current c JOIN log l ON l.rev = c.rev;

CREATE VIEW deployments AS
    SELECT namespace, name, object ->> '$.spec.replicas' AS desired,
           coalesce(object ->> '$.status.updatedReplicas', 0) AS updated,
           coalesce(object ->> '$.status.readyReplicas', 0) AS ready,
           coalesce(object ->> '$.status.availableReplicas', 0) AS available,
           object ->> '$.spec.strategy.type' AS strategy,
           coalesce(object ->> '$.spec.paused', 0) AS paused,
           object ->> '$.metadata.annotations."deployment.kubernetes.io/revision"' AS rollout,
           object ->> '$.spec.template.spec.containers[0].image' AS image, created
      FROM objects WHERE resource = 'deployments.apps';

CREATE VIEW replicasets AS
    SELECT namespace, name, object ->> '$.metadata.ownerReferences[0].name' AS owner,
           object ->> '$.spec.replicas' AS desired,
           coalesce(object ->> '$.status.replicas', 0) AS current,
           coalesce(object ->> '$.status.readyReplicas', 0) AS ready,
           object ->> '$.metadata.annotations."deployment.kubernetes.io/revision"' AS rollout,
           object ->> '$.spec.template.spec.containers[0].image' AS image, created
      FROM objects WHERE resource = 'replicasets.apps';

CREATE VIEW pods AS
    SELECT namespace, name, object ->> '$.status.phase' AS phase,
           object ->> '$.spec.nodeName' AS node, object ->> '$.status.podIP' AS ip,
           object ->> '$.metadata.ownerReferences[0].name' AS owner,
           object ->> '$.spec.containers[0].image' AS image,
           object ->> '$.status.containerStatuses[0].imageID' AS image_id,
           coalesce(object ->> '$.status.containerStatuses[0].restartCount', 0) AS restarts,
           created
      FROM objects WHERE resource = 'pods';

CREATE VIEW events AS
    SELECT namespace, coalesce(object ->> '$.lastTimestamp', object ->> '$.eventTime', created) AS last_seen,
           object ->> '$.type' AS type, object ->> '$.reason' AS reason,
           object ->> '$.involvedObject.kind' AS kind, object ->> '$.involvedObject.name' AS object,
           object ->> '$.message' AS message, coalesce(object ->> '$.count', 1) AS count
      FROM objects WHERE resource = 'events';

CREATE VIEW imagestreams AS
    SELECT namespace, name, object ->> '$.status.dockerImageRepository' AS repository,
           coalesce(object ->> '$.spec.lookupPolicy.local', 0) AS lookup,
           json_array_length(object, '$.status.tags') AS tags, created
      FROM objects WHERE resource = 'imagestreams.image.openshift.io';

CREATE VIEW imagestreamtags AS
    SELECT o.namespace, o.name AS stream, t.value ->> '$.tag' AS tag, h.key AS position,
           h.value ->> '$.image' AS image, h.value ->> '$.dockerImageReference' AS reference,
           h.value ->> '$.generation' AS generation, h.value ->> '$.created' AS created
      FROM objects o, json_each(o.object, '$.status.tags') t, json_each(t.value, '$.items') h
     WHERE o.resource = 'imagestreams.image.openshift.io' AND h.value IS NOT NULL;

CREATE VIEW triggers AS
    WITH annotated AS (
        SELECT resource, namespace, name,
               object ->> '$.metadata.annotations."image.openshift.io/triggers"' AS text
          FROM objects
         WHERE resource IN ('deployments.apps', 'daemonsets.apps', 'statefulsets.apps', 'cronjobs.batch'))
    SELECT o.resource, o.namespace, o.name, t.value ->> '$.from.name' AS tag,
           coalesce(t.value ->> '$.from.namespace', o.namespace) AS tag_namespace,
           t.value ->> '$.fieldPath' AS field, coalesce(t.value ->> '$.paused', 0) AS paused
      FROM annotated o,
           json_each(CASE WHEN json_valid(o.text) AND json_type(o.text) = 'array' THEN o.text
                          ELSE '[]' END) t;
